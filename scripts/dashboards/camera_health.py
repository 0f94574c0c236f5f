"""Camera health: which cameras are blind, since when, and how well the others work."""

from typing import Final

from dashboards.panel import BUCKET, CITY, POINT, Dashboard, Panel

_PHRASES: Final = {
    "place": "city IN (${city:sqlstring}) AND point IN (${point:sqlstring})",
    "of_camera": "camera.city IN (${city:sqlstring}) AND camera.point IN (${point:sqlstring})",
    # the last quarter of an hour of what is looked at
    "lately": "seen.at > $__timeTo()::timestamptz - interval '15 minutes' AND seen.at <= $__timeTo()::timestamptz",
}

DASHBOARD: Final = Dashboard(
    uid="atalaya-cameras",
    title="Camera health",
    about="Cameras that see nothing, or not well. One that never reported counts as blind.",
    variables=(CITY, POINT, BUCKET),
    phrases=_PHRASES,
    panels=(
        Panel(
            "Cameras", "Registered.", "stat", 4, 4,
            sql="SELECT count(*)::double precision AS cameras FROM ask.camera WHERE <place>",
        ),
        Panel(
            "Blind now", "Not live for a moment in the last quarter of an hour.", "stat", 4, 4, bad_above=1,
            sql="""SELECT count(*)::double precision AS blind
FROM ask.camera AS camera
WHERE <of_camera> AND NOT EXISTS (
    SELECT FROM ask.minute AS seen
    WHERE seen.point = camera.point AND seen.camera = camera.camera AND seen.coverage_s > 0 AND <lately>)""",
        ),
        Panel(
            "Seen", "Live seconds of all cameras, of all that there were.", "stat", 4, 4, unit="percentunit", most=1,
            sql="""SELECT sum(coverage_s)
       / nullif(extract(epoch FROM $__timeTo()::timestamptz - $__timeFrom()::timestamptz)
                * (SELECT count(*) FROM ask.camera WHERE <place>), 0)::double precision AS seen
FROM ask.hour WHERE $__timeFilter(at) AND <place>""",
        ),
        Panel(
            "Dropped frames", "Frames that should have been looked at and were not, of all that should.", "stat", 4, 4,
            unit="percentunit", bad_above=0.2,
            sql="""SELECT sum(dropped)::double precision / nullif(sum(dropped) + sum(frames_processed), 0) AS dropped
FROM ask.hour WHERE $__timeFilter(at) AND <place>""",
        ),
        Panel(
            "Reconnects", "Times that a camera was connected again.", "stat", 4, 4,
            sql="""SELECT coalesce(sum(reconnects), 0)::double precision AS reconnects
FROM ask.hour WHERE $__timeFilter(at) AND <place>""",
        ),
        Panel(
            "Bad pictures", "Cameras whose picture is blocked, moved, blurred, dark or frozen.", "stat", 4, 4,
            bad_above=1,
            sql="""SELECT count(DISTINCT (point, camera))::double precision AS cameras FROM (
    SELECT DISTINCT ON (point, camera, condition) point, camera, is_active
    FROM ask.condition WHERE counted_at <= $__timeTo()::timestamptz AND <place>
    ORDER BY point, camera, condition, counted_at DESC) AS newest
WHERE is_active""",
        ),
        Panel(
            "Blind cameras", "Those that were not live for a moment in the last quarter of an hour, the longest first.",
            "table", 12, 10,
            sql="""SELECT camera.city, camera.point, camera.camera, camera.name, max(hour.at) AS last_hour_seen
FROM ask.camera AS camera
LEFT JOIN ask.hour AS hour ON hour.point = camera.point AND hour.camera = camera.camera AND hour.coverage_s > 0
     AND hour.at BETWEEN $__timeTo()::timestamptz - interval '30 days' AND $__timeTo()::timestamptz
WHERE <of_camera> AND NOT EXISTS (
    SELECT FROM ask.minute AS seen
    WHERE seen.point = camera.point AND seen.camera = camera.camera AND seen.coverage_s > 0 AND <lately>)
GROUP BY 1, 2, 3, 4 ORDER BY last_hour_seen NULLS FIRST, 1, 2, 3""",
        ),
        Panel(
            "Least seen", "Share of the range in which each camera was live, the worst first.", "table", 12, 10,
            unit="percentunit", most=1,
            sql="""SELECT camera.city, camera.point, camera.camera, camera.name,
       coalesce(sum(hour.coverage_s), 0)
       / nullif(extract(epoch FROM $__timeTo()::timestamptz - $__timeFrom()::timestamptz), 0)::double precision AS seen
FROM ask.camera AS camera
LEFT JOIN ask.hour AS hour ON hour.point = camera.point AND hour.camera = camera.camera AND $__timeFilter(hour.at)
WHERE <of_camera>
GROUP BY 1, 2, 3, 4 ORDER BY seen, 1, 2, 3 LIMIT 20""",
        ),
        Panel(
            "Cameras that were live", "Camera-seconds live, over the bucket's length: how many cameras saw something.",
            "timeseries", 12, 9,
            sql="""SELECT at AS time, city AS metric,
       sum(coverage_s) / CASE '${bucket:raw}' WHEN 'minute' THEN 60 WHEN 'hour' THEN 3600 ELSE 86400 END AS cameras
FROM ask.${bucket:raw}
WHERE $__timeFilter(at) AND <place>
GROUP BY at, city ORDER BY at, city""",
        ),
        Panel(
            "Frames", "Frames that came in, were looked at, and were dropped, a second.", "timeseries", 12, 9,
            sql="""SELECT at AS time, sum(frames_in) / nullif(sum(reported_s), 0) AS come_in,
       sum(frames_processed) / nullif(sum(reported_s), 0) AS looked_at,
       sum(dropped) / nullif(sum(reported_s), 0) AS dropped
FROM ask.${bucket:raw}
WHERE $__timeFilter(at) AND <place>
GROUP BY at ORDER BY at""",
        ),
        Panel(
            "Stalls, reconnects and bad frames", "What streams went through.", "timeseries", 12, 9,
            sql="""SELECT at AS time, sum(stalls)::double precision AS stalls,
       sum(reconnects)::double precision AS reconnects,
       sum(decode_errors)::double precision AS bad_frames
FROM ask.${bucket:raw}
WHERE $__timeFilter(at) AND <place>
GROUP BY at ORDER BY at""",
        ),
        Panel(
            "What went wrong with pictures", "Conditions that cameras told of in the range, the newest first.",
            "table", 12, 9,
            sql="""SELECT counted_at, city, point, camera, condition,
       CASE WHEN is_active THEN 'begins' ELSE 'ends' END AS says
FROM ask.condition WHERE $__timeFilter(counted_at) AND <place>
ORDER BY counted_at DESC, city, point, camera LIMIT 100""",
        ),
    ),
)  # fmt: skip
