"""Reaction times: how fast alerts were seen, decided, dispatched, reached and closed; and how often they were right."""

from typing import Final

from dashboards.panel import CITY, Dashboard, Panel

_PHRASES: Final = {
    # Alerts that were old when they came say nothing of how fast anybody was.
    "timely": "$__timeFilter(first_at) AND city IN (${city:sqlstring}) AND NOT is_historical",
    "steps": """(VALUES (1, 'raised', raised_s), (2, 'seen', seen_s), (3, 'decided', decided_s),
    (4, 'dispatched', dispatched_s), (5, 'on_site', on_site_s), (6, 'closed', closed_s)
) AS took (place, step, seconds)""",
}

DASHBOARD: Final = Dashboard(
    uid="atalaya-reactions",
    title="Reaction times",
    about="Seconds from what happened on the street to each step, the wait for the network included.",
    variables=(CITY,),
    phrases=_PHRASES,
    from_at="now-7d",
    refresh="1m",
    panels=(
        Panel(
            "Alerts", "Raised for what happened in the range.", "stat", 4, 4,
            sql="SELECT count(*)::double precision AS alerts FROM ask.reaction WHERE <timely>",
        ),
        Panel(
            "Nobody has seen", "Alerts that are new.", "stat", 4, 4, bad_above=1,
            sql="SELECT count(*)::double precision AS new FROM ask.reaction WHERE <timely> AND state = 'new'",
        ),
        Panel(
            "Seen, median", "Half of the alerts were seen sooner.", "stat", 4, 4, unit="s",
            sql="""SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seen_s) AS seen_s
FROM ask.reaction WHERE <timely>""",
        ),
        Panel(
            "On site, median", "Half of those that were reached were reached sooner.", "stat", 4, 4, unit="s",
            sql="""SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY on_site_s) AS on_site_s
FROM ask.reaction WHERE <timely>""",
        ),
        Panel(
            "Were right", "Decided hits that were right, of all that were decided.", "stat", 4, 4,
            unit="percentunit", most=1,
            sql="""SELECT avg(was_right::int)::double precision AS right
FROM ask.decision WHERE $__timeFilter(happened_at) AND city IN (${city:sqlstring}) AND by = 'quality'""",
        ),
        Panel(
            "Open", "Alerts that nobody has ended.", "stat", 4, 4,
            sql="""SELECT count(*)::double precision AS open
FROM ask.reaction WHERE <timely> AND state NOT IN ('rejected', 'closed')""",
        ),
        Panel(
            "Each step", "How many alerts came so far, and in how many seconds from what happened.", "table", 12, 9,
            unit="s",
            sql="""SELECT step, count(seconds)::double precision AS alerts,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS p50,
       percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds) AS p90,
       percentile_cont(0.99) WITHIN GROUP (ORDER BY seconds) AS p99, max(seconds) AS most
FROM ask.reaction CROSS JOIN LATERAL <steps>
WHERE <timely>
GROUP BY place, step ORDER BY place""",
        ),
        Panel(
            "By city", "Median seconds to each step.", "table", 12, 9, unit="s",
            sql="""SELECT city, count(*)::double precision AS alerts,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY seen_s) AS seen,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY decided_s) AS decided,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY dispatched_s) AS dispatched,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY on_site_s) AS on_site
FROM ask.reaction WHERE <timely> GROUP BY city ORDER BY city""",
        ),
        Panel(
            "Seconds to be seen", "Median over six hours, by city.", "timeseries", 12, 9, unit="s",
            sql="""SELECT $__timeGroupAlias(first_at, '6h'), city AS metric,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY seen_s) AS seen_s
FROM ask.reaction WHERE <timely> GROUP BY 1, city ORDER BY 1, city""",
        ),
        Panel(
            "Alerts raised", "Over six hours, by kind.", "timeseries", 12, 9,
            sql="""SELECT $__timeGroupAlias(first_at, '6h'), kind AS metric, count(*)::double precision AS alerts
FROM ask.reaction WHERE <timely> GROUP BY 1, kind ORDER BY 1, kind""",
        ),
        Panel(
            "How they stand and ended", "States, and the outcome of those that are closed.", "table", 8, 9,
            sql="""SELECT state, coalesce(outcome, '') AS outcome, count(*)::double precision AS alerts
FROM ask.reaction WHERE <timely> GROUP BY state, outcome ORDER BY alerts DESC, state""",
        ),
        Panel(
            "Wrong reads", "Errors out of n decided hits, by camera, list, reason, reader and quality.", "table", 8, 9,
            sql="""SELECT by, what, count(*)::double precision AS n,
       count(*) FILTER (WHERE NOT was_right)::double precision AS errors
FROM ask.decision WHERE $__timeFilter(happened_at) AND city IN (${city:sqlstring})
GROUP BY by, what ORDER BY errors DESC, n DESC, by, what LIMIT 50""",
        ),
        Panel(
            "Waited longest", "Alerts that took longest to be seen, and those that nobody has seen.", "table", 8, 9,
            unit="s",
            sql="""SELECT alert::text AS alert, city, point, kind, state,
       coalesce(seen_s, extract(epoch FROM $__timeTo()::timestamptz - first_at)::double precision) AS seen_s
FROM ask.reaction WHERE <timely> ORDER BY seen_s DESC LIMIT 20""",
        ),
    ),
)  # fmt: skip
