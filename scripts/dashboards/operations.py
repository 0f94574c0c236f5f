"""Operations: is the command centre well, what waits, what ends soon, which boxes are missing."""

from typing import Final

from dashboards.panel import CITY, Dashboard, Panel

_PHRASES: Final = {"city": "city IN (${city:sqlstring})"}

DASHBOARD: Final = Dashboard(
    uid="atalaya-operations",
    title="Operations",
    about="The service by its own figures (Prometheus), the boxes by their reports (the database).",
    variables=(CITY,),
    phrases=_PHRASES,
    from_at="now-6h",
    refresh="30s",
    panels=(
        Panel(
            "Problems", "What `/healthz` tells of.", "stat", 4, 4, bad_above=1,
            promql="max(atalaya_problems)", legend="problems",
        ),
        Panel(
            "Database", "1: it answers.", "stat", 4, 4, promql="min(atalaya_database_up)", legend="database",
        ),
        Panel(
            "Broker", "Workers that are subscribed.", "stat", 4, 4, promql="sum(atalaya_ingest_connected)",
            legend="workers",
        ),
        Panel(
            "Oldest delivery in hand", "How long it has waited to be stored.", "stat", 4, 4, unit="s", bad_above=30,
            promql="max(atalaya_ingest_lag_seconds)", legend="lag",
        ),
        Panel(
            "Alerts nobody has seen", "New ones, all cities.", "stat", 4, 4, bad_above=1,
            promql='sum(atalaya_alerts_open{state="new"}) or vector(0)', legend="new",
        ),
        Panel(
            "Ends next", "How long until the first certificate, list or grant ends.", "stat", 4, 4, unit="s",
            promql="min(atalaya_validity_end_timestamp_seconds) - time()", legend="ends in",
        ),
        Panel(
            "Messages stored", "A second, by worker.", "timeseries", 8, 8,
            promql="sum by (worker) (rate(atalaya_ingest_stored_total[$__rate_interval]))", legend="{{worker}",
        ),
        Panel(
            "Messages refused", "A second, by reason.", "timeseries", 8, 8,
            promql="sum by (reason) (rate(atalaya_ingest_refused_total[$__rate_interval]))", legend="{{reason}",
        ),
        Panel(
            "Waiting", "Deliveries in workers, events that are to become alerts, messages for webhooks.",
            "timeseries", 8, 8,
            promql='label_replace(sum(atalaya_ingest_queue_messages), "what", "deliveries", "", "")'
            ' or label_replace(sum(atalaya_alert_events_due), "what", "events", "", "")'
            ' or label_replace(sum(atalaya_webhook_waiting), "what", "webhooks", "", "")',
            legend="{{what}",
        ),
        Panel(
            "What ends", "The next of each kind.", "table", 8, 8, unit="s",
            promql="sort(min by (kind) (atalaya_validity_end_timestamp_seconds) - time())",
        ),
        Panel(
            "Disk", "Share that is free, by folder.", "bargauge", 8, 8, unit="percentunit", most=1,
            promql="min by (folder) (atalaya_disk_free_bytes / atalaya_disk_size_bytes)", legend="{{folder}",
        ),
        Panel(
            "Silent boxes and blind cameras", "By city, as the aggregator counts them.", "timeseries", 8, 8,
            promql='label_replace(max by (city) (atalaya_devices_silent), "what", "silent boxes", "", "")'
            ' or label_replace(max by (city) (atalaya_cameras_blind), "what", "blind cameras", "", "")',
            legend="{{city}: {{what}",
        ),
        Panel(
            "Boxes", "By how their line stands.", "table", 6, 9,
            sql="""SELECT city, line, count(*)::double precision AS boxes
FROM ask.device WHERE state = 'active' AND <city> GROUP BY city, line ORDER BY city, line""",
        ),
        Panel(
            "Boxes that want a look", "Silent for five minutes, messages waiting, dead letters, clock off, gaps.",
            "table", 18, 9,
            sql="""SELECT device, city, point, line, last_report, outbox_rows, dead_letters, clock_offset_ms, missing,
       lost
FROM ask.device
WHERE state = 'active' AND <city> AND (
    last_report IS NULL AND line <> 'never seen' OR last_report < $__timeTo()::timestamptz - interval '5 minutes'
    OR outbox_rows > 100 OR dead_letters > 0 OR abs(clock_offset_ms) > 5000 OR missing > 0 OR lost > 0)
ORDER BY last_report NULLS FIRST, device LIMIT 100""",
        ),
        Panel(
            "Messages that wait on the boxes", "Of each box's last report in each quarter of an hour, summed by city.",
            "timeseries", 12, 8,
            sql="""SELECT $__timeGroupAlias(counted_at, '15m'), city AS metric,
       sum(outbox_rows)::double precision AS messages
FROM (
    SELECT DISTINCT ON (device, $__timeGroup(counted_at, '15m')) device, city, counted_at, outbox_rows
    FROM ask.health WHERE $__timeFilter(counted_at) AND <city>
    ORDER BY device, $__timeGroup(counted_at, '15m'), counted_at DESC) AS newest
GROUP BY 1, city ORDER BY 1, city""",
        ),
        Panel(
            "Hottest box", "The highest temperature, by city.", "timeseries", 12, 8, unit="celsius", bad_above=90,
            sql="""SELECT $__timeGroupAlias(counted_at, '15m'), city AS metric, max(temperature_c) AS hottest
FROM ask.health WHERE $__timeFilter(counted_at) AND <city>
GROUP BY 1, city ORDER BY 1, city""",
        ),
        Panel(
            "Hotlists on the boxes", "Which version how many boxes match with, by their last report in the range.",
            "table", 8, 8,
            sql="""SELECT city, hotlist_version, count(*)::double precision AS boxes
FROM (
    SELECT DISTINCT ON (device) device, city, hotlist_version FROM ask.health
    WHERE $__timeFilter(counted_at) AND <city> ORDER BY device, counted_at DESC) AS newest
GROUP BY city, hotlist_version ORDER BY city, hotlist_version DESC""",
        ),
        Panel(
            "What happened last", "Hits, alarms and what belongs to them, without plates.", "table", 16, 8,
            sql="""SELECT counted_at, kind, city, point, camera, note
FROM ask.event WHERE $__timeFilter(counted_at) AND <city>
ORDER BY counted_at DESC, event LIMIT 50""",
        ),
    ),
)  # fmt: skip
