"""Traffic counts: how many vehicles, where, when; and of how much of the time that was seen."""

from typing import Final

from dashboards.panel import BUCKET, CITY, POINT, Dashboard, Panel

_PHRASES: Final = {"place": "city IN (${city:sqlstring}) AND point IN (${point:sqlstring})"}

DASHBOARD: Final = Dashboard(
    uid="atalaya-traffic",
    title="Traffic counts",
    about="Vehicles counted, beside the time in which somebody looked: a blind camera is not an empty street.",
    variables=(CITY, POINT, BUCKET),
    phrases=_PHRASES,
    from_at="now-7d",
    refresh="5m",
    panels=(
        Panel(
            "Vehicles", "Vehicles that passed the cameras in view of the range.", "stat", 4, 4,
            sql="""SELECT coalesce(sum(vehicles), 0)::double precision AS vehicles
FROM ask.hour WHERE $__timeFilter(at) AND <place>""",
        ),
        Panel(
            "Plates read", "Plates read; none that matched no entry has left its box.", "stat", 4, 4,
            sql="""SELECT coalesce(sum(reads), 0)::double precision AS reads
FROM ask.hour WHERE $__timeFilter(at) AND <place>""",
        ),
        Panel(
            "Unreadable", "Plates that were found and could not be read, of all plates found.", "stat", 4, 4,
            unit="percentunit", bad_above=0.3,
            sql="""SELECT sum(unreadable)::double precision / nullif(sum(reads) + sum(unreadable), 0) AS unreadable
FROM ask.hour WHERE $__timeFilter(at) AND <place>""",
        ),
        Panel(
            "Hits", "Reads that matched an entry of a hotlist.", "stat", 4, 4,
            sql="""SELECT coalesce(sum(hits), 0)::double precision AS hits
FROM ask.hour WHERE $__timeFilter(at) AND <place>""",
        ),
        Panel(
            "Seen", "Share of the reported time in which the cameras were live.", "stat", 4, 4,
            unit="percentunit", most=1,
            sql="""SELECT sum(coverage_s) / nullif(sum(reported_s), 0) AS seen
FROM ask.hour WHERE $__timeFilter(at) AND <place>""",
        ),
        Panel(
            "Vehicles an hour and camera", "Vehicles for each hour in which a camera was live.", "stat", 4, 4,
            sql="""SELECT sum(vehicles) * 3600 / nullif(sum(coverage_s), 0) AS vehicles_an_hour
FROM ask.hour WHERE $__timeFilter(at) AND <place>""",
        ),
        Panel(
            "Vehicles by city", "As counted: what blind cameras missed is not added.", "timeseries", 12, 9,
            sql="""SELECT at AS time, city AS metric, sum(vehicles)::double precision AS vehicles
FROM ask.${bucket:raw}
WHERE $__timeFilter(at) AND <place>
GROUP BY at, city ORDER BY at, city""",
        ),
        Panel(
            "Share of the time that was seen", "Live seconds of the reported ones, by city.", "timeseries", 12, 9,
            unit="percentunit", most=1,
            sql="""SELECT at AS time, city AS metric, sum(coverage_s) / nullif(sum(reported_s), 0) AS seen
FROM ask.${bucket:raw}
WHERE $__timeFilter(at) AND <place>
GROUP BY at, city ORDER BY at, city""",
        ),
        Panel(
            "Busiest points", "Vehicles, and for each hour in which a camera of the point was live.", "table", 12, 10,
            sql="""SELECT counted.city, counted.point, place.name, sum(vehicles)::double precision AS vehicles,
       round((sum(vehicles) * 3600 / nullif(sum(coverage_s), 0))::numeric, 1) AS vehicles_an_hour,
       round((sum(coverage_s) / 3600)::numeric, 2) AS hours_seen
FROM ask.hour AS counted JOIN ask.point AS place ON place.point = counted.point
WHERE $__timeFilter(at) AND counted.city IN (${city:sqlstring}) AND counted.point IN (${point:sqlstring})
GROUP BY counted.city, counted.point, place.name ORDER BY vehicles DESC, counted.point LIMIT 20""",
        ),
        Panel(
            "Hours of the day", "Vehicles for each hour in which a camera was live, by the hour of the point's day.",
            "barchart", 12, 10,
            sql="""SELECT to_char(at AT TIME ZONE time_zone, 'HH24') AS hour,
       sum(vehicles) * 3600 / nullif(sum(coverage_s), 0) AS vehicles_an_hour
FROM ask.hour AS counted JOIN ask.point AS place ON place.point = counted.point
WHERE $__timeFilter(at) AND counted.city IN (${city:sqlstring}) AND counted.point IN (${point:sqlstring})
GROUP BY 1 ORDER BY 1""",
        ),
        Panel(
            "Days", "Vehicles by the local day of each point, whole days.", "table", 24, 8,
            sql="""SELECT local_date::text AS day, city, sum(vehicles)::double precision AS vehicles,
       sum(reads)::double precision AS reads, sum(hits)::double precision AS hits,
       round((sum(coverage_s) / 3600)::numeric, 2) AS hours_seen
FROM ask.day
WHERE at > $__timeFrom()::timestamptz - interval '1 day' AND at <= $__timeTo()::timestamptz AND <place>
GROUP BY local_date, city ORDER BY local_date DESC, city""",
        ),
    ),
)  # fmt: skip
