"""The provisioned dashboards: as the generator writes them, whole, on data sources and metrics that there are."""

import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from make_dashboards import DASHBOARDS, FOLDER, main, text_of

from tests.simulators.grafana import dashboards, targets
from tests.simulators.prometheus import known, uses

GRAFANA = FOLDER.parent
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "dashboards.md"
# Any: Grafana's model and YAML are judged here.
Json = dict[str, Any]


def sources() -> dict[str, Json]:
    """The provisioned data sources, by their uid."""
    found = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "atalaya.yaml").read_text())
    return {each["uid"]: each for each in found["datasources"]}


def panels() -> list[tuple[str, Json]]:
    """Every panel with its dashboard."""
    return [(dashboard["uid"], panel) for dashboard in dashboards() for panel in dashboard["panels"]]


def test_the_files_are_what_the_generator_writes() -> None:
    assert main(["--check"]) == 0
    assert {path.name for path in FOLDER.iterdir()} == {
        f"{each.uid.removeprefix('atalaya-')}.json" for each in DASHBOARDS
    }


def test_a_file_that_somebody_edited_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for each in DASHBOARDS:
        (tmp_path / f"{each.uid.removeprefix('atalaya-')}.json").write_text(text_of(each))
    monkeypatch.setattr("make_dashboards.FOLDER", tmp_path)
    monkeypatch.setattr("make_dashboards.ROOT", tmp_path)
    assert main(["--check"]) == 0
    (tmp_path / "traffic.json").write_text("{}")
    assert main(["--check"]) == 1


def test_dashboards_and_panels_are_told_apart_and_say_what_they_show() -> None:
    found = dashboards()
    assert len({each["uid"] for each in found}) == len({each["title"] for each in found}) == 4
    for dashboard in found:
        assert dashboard["description"]
        ids = [panel["id"] for panel in dashboard["panels"]]
        assert len(set(ids)) == len(ids)
    for _, panel in panels():
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert not re.search(r"<[a-z_]+>", str(panel)), "a phrase that nobody spelled out"


def test_panels_lie_on_the_grid_and_on_no_other() -> None:
    for dashboard in dashboards():
        cells = []
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            assert place["x"] + place["w"] <= 24
            across, down = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
            cells.append({(x, y) for x in across for y in down})
        assert not any(one & other for one, other in combinations(cells, 2)), dashboard["uid"]


def test_every_panel_asks_a_data_source_that_is_provisioned() -> None:
    for uid, panel in panels():
        for target in panel["targets"]:
            assert target["datasource"] == panel["datasource"], uid
            source = sources()[target["datasource"]["uid"]]
            assert source["type"] == target["datasource"]["type"]
            assert ("rawSql" in target) is ("postgres" in source["type"])


def test_no_secret_stands_in_a_file_and_the_database_is_asked_as_a_role_of_its_own() -> None:
    source = sources()["atalaya-postgres"]
    assert source["secureJsonData"] == {"password": "$__file{/run/secrets/grafana_database_password}"}
    assert source["user"] == "grafana"
    assert not source["editable"]


def test_dashboards_ask_prometheus_for_metrics_that_exist() -> None:
    for each in targets():
        if each.promql:
            found = list(uses(each.promql))
            assert found, each.panel
            for name, labels in found:
                assert labels <= set(known()[name]), each.panel


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: `prometheus`)")
def test_prometheus_takes_every_expression(tmp_path: Path) -> None:
    asked = [each.promql.replace("$__rate_interval", "5m") for each in targets() if each.promql]
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(asked)]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", str(file)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_document_names_every_dashboard_with_its_panels() -> None:
    text = DOCUMENT.read_text()
    for dashboard in dashboards():
        section = text.split(f"### {dashboard['title']}\n", 1)[1].split("\n### ", 1)[0].split("\n## ", 1)[0]
        told = set(re.findall(r"\*\*([^*]+)\*\*", section))
        assert told == {panel["title"] for panel in dashboard["panels"]}
