"""What a dashboard is made of, and how Grafana writes it down.

A panel asks one of two things: the database, in SQL on the views of schema `ask` and on nothing else, or Prometheus,
for figures that `docs/metrics.md` lists. Grafana's macros (`$__timeFilter`, ...) and our variables stand in the SQL as
Grafana expands them; `tests/simulators/grafana.py` expands them the same way for the tests.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

POSTGRES: Final = {"type": "grafana-postgresql-datasource", "uid": "atalaya-postgres"}
PROMETHEUS: Final = {"type": "prometheus", "uid": "atalaya-prometheus"}
WIDTH: Final = 24  # of Grafana's grid
SCHEMA_VERSION: Final = 39

Kind = Literal["stat", "timeseries", "table", "bargauge", "barchart"]
Json = dict[str, Any]  # Grafana's model


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `sql` asks the database, `promql` Prometheus: one of them."""

    title: str
    about: str
    kind: Kind
    width: int
    height: int
    sql: str = ""
    promql: str = ""
    legend: str = ""
    unit: str = "short"
    most: float | None = None  # the end of the scale, where it has one
    bad_above: float | None = None  # drawn red from here on

    @property
    def is_series(self) -> bool:
        """Whether its rows are values over time."""
        return self.kind == "timeseries"


@dataclass(frozen=True, slots=True)
class Variable:
    """Something that whoever looks may choose: by SQL that lists it, or from fixed words."""

    name: str
    label: str
    sql: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page of panels, laid out row by row in their order."""

    uid: str
    title: str
    about: str
    panels: Sequence[Panel]
    variables: Sequence[Variable] = ()
    from_at: str = "now-24h"
    refresh: str = "1m"
    phrases: Mapping[str, str] = field(default_factory=dict)  # `<name>` in SQL stands for them


CITY: Final = Variable("city", "City", sql="SELECT city FROM ask.city ORDER BY city")
POINT: Final = Variable(
    "point", "Point", sql="SELECT point FROM ask.point WHERE city IN (${city:sqlstring}) ORDER BY point"
)
BUCKET: Final = Variable("bucket", "Bucket", words=("hour", "day", "minute"))


def written(dashboard: Dashboard) -> Json:
    """A dashboard in Grafana's own words."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.about,
        "tags": ["atalaya"],
        "editable": False,
        "graphTooltip": 1,
        "refresh": dashboard.refresh,
        "schemaVersion": SCHEMA_VERSION,
        "time": {"from": dashboard.from_at, "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_variable(each) for each in dashboard.variables]},
        "panels": list(_laid_out([_spelled_out(each, dashboard.phrases) for each in dashboard.panels])),
    }


def _spelled_out(panel: Panel, phrases: Mapping[str, str]) -> Panel:
    sql = panel.sql
    for name, phrase in phrases.items():
        sql = sql.replace(f"<{name}>", phrase)
    return replace(panel, sql=sql)


def _laid_out(panels: Sequence[Panel]) -> Iterator[Json]:
    """Panels from left to right; a new row where the next one does not fit."""
    left, top, tallest = 0, 0, 0
    for number, panel in enumerate(panels, 1):
        if left + panel.width > WIDTH:
            left, top, tallest = 0, top + tallest, 0
        yield _panel(panel, number, {"x": left, "y": top, "w": panel.width, "h": panel.height})
        left, tallest = left + panel.width, max(tallest, panel.height)


def _panel(panel: Panel, number: int, place: Json) -> Json:
    source = POSTGRES if panel.sql else PROMETHEUS
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "gridPos": place,
        "datasource": source,
        "targets": [{"refId": "A", "datasource": source, **(_asks_sql(panel) if panel.sql else _asks_promql(panel))}],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
    }


def _asks_sql(panel: Panel) -> Json:
    return {
        "editorMode": "code",
        "format": "time_series" if panel.is_series else "table",
        "rawQuery": True,
        "rawSql": panel.sql,
    }


def _asks_promql(panel: Panel) -> Json:
    return {
        "editorMode": "code",
        "expr": panel.promql,
        "instant": not panel.is_series,
        "legendFormat": panel.legend or "__auto",
        "range": panel.is_series,
        **({"format": "table"} if panel.kind == "table" else {}),
    }


def _defaults(panel: Panel) -> Json:
    steps: list[Json] = [{"color": "green", "value": None}]
    if panel.bad_above is not None:
        steps.append({"color": "red", "value": panel.bad_above})
    scale = {} if panel.most is None else {"min": 0, "max": panel.most}
    return {"unit": panel.unit, "noValue": "-", "thresholds": {"mode": "absolute", "steps": steps}, **scale}


def _options(panel: Panel) -> Json:
    match panel.kind:
        case "stat" | "bargauge":
            every_row = panel.kind == "bargauge"
            return {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": every_row}}
        case "timeseries":
            return {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True}}
        case "table" | "barchart":
            return {}


def _variable(variable: Variable) -> Json:
    common = {"name": variable.name, "label": variable.label, "hide": 0}
    if variable.words:
        options = [{"text": word, "value": word, "selected": word == variable.words[0]} for word in variable.words]
        query = ",".join(variable.words)
        return {**common, "type": "custom", "query": query, "options": options, "current": options[0], "multi": False}
    return {
        **common,
        "type": "query",
        "datasource": POSTGRES,
        "query": variable.sql,
        "definition": variable.sql,
        "refresh": 2,  # whenever the range of time changes
        "multi": True,
        "includeAll": True,
        "current": {"text": ["All"], "value": ["$__all"]},
        "sort": 0,
    }
