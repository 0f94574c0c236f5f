"""What Grafana does to a panel's SQL before it sends it: macros and variables of its PostgreSQL data source.

Written after Grafana's own expansion (pkg/tsdb/grafana-postgresql-datasource/macros.go and the variable formats of its
documentation), for the few that our dashboards use; any other that is left over is an error here.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "grafana" / "dashboards"
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# Grafana's own pattern: a macro's arguments end at the first closing parenthesis.
MACRO = re.compile(r"\$__(\w+)\(([^)]*)\)")
VARIABLE = re.compile(r"\$\{(\w+):(\w+)\}")


@dataclass(frozen=True)
class Target:
    """One question of one panel."""

    dashboard: str
    panel: str
    kind: str
    format: str
    sql: str
    promql: str


def dashboards() -> list[dict[str, Any]]:  # Any: Grafana's model
    """The dashboards as they are committed."""
    return [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]


def targets() -> Iterator[Target]:
    """Every question of every panel."""
    for dashboard in dashboards():
        for panel in dashboard["panels"]:
            for each in panel["targets"]:
                sql, promql = each.get("rawSql", ""), each.get("expr", "")
                yield Target(dashboard["uid"], panel["title"], panel["type"], each.get("format", ""), sql, promql)


def expanded(sql: str, *, from_at: datetime, to_at: datetime, chosen: Mapping[str, Sequence[str]]) -> str:
    """The SQL that reaches the database."""

    def macro(found: re.Match[str]) -> str:
        name, arguments = found[1], [each.strip() for each in found[2].split(",")]
        match name, arguments:
            case "timeFrom", [""]:
                return f"'{_said(from_at)}'"
            case "timeTo", [""]:
                return f"'{_said(to_at)}'"
            case "timeFilter", [column]:
                return f"{column} BETWEEN '{_said(from_at)}' AND '{_said(to_at)}'"
            case "timeGroup", [column, every]:
                return _group(column, every)
            case "timeGroupAlias", [column, every]:
                return f'{_group(column, every)} AS "time"'
            case _:
                raise AssertionError(f"Grafana has no such macro, or we do not use it: {found[0]}")

    def variable(found: re.Match[str]) -> str:
        name, form = found[1], found[2]
        if form == "sqlstring":
            return ",".join("'" + each.replace("'", "''") + "'" for each in chosen[name])
        assert form == "raw", found[0]
        return ",".join(chosen[name])

    text = MACRO.sub(macro, VARIABLE.sub(variable, sql))
    assert "$" not in text, text
    return text


def _group(column: str, every: str) -> str:
    seconds = int(every.strip("'")[:-1]) * SECONDS[every.strip("'")[-1]]
    return f"floor(extract(epoch from {column})/{seconds})*{seconds}"


def _said(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
