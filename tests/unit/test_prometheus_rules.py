"""The alert rules: Prometheus takes them, they speak of metrics that exist, the runbook explains each, they fire."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.simulators.prometheus import ALWAYS, known, uses

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
RUNBOOK = ROOT / "docs" / "runbook.md"
promtool = pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="promtool is not installed (Debian: `prometheus`)",
)

# Any: what YAML holds is judged here.
Rule = dict[str, Any]


def rules() -> list[Rule]:
    """Every rule of the file."""
    groups = yaml.safe_load((FOLDER / "rules.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


RULES = [pytest.param(rule, id=rule["alert"]) for rule in rules()]


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_has_all_that_whoever_is_woken_needs(rule: Rule) -> None:
    assert set(rule) - {"for"} == {"alert", "expr", "labels", "annotations"}
    assert re.fullmatch(r"Atalaya[A-Za-z]+", rule["alert"])
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"
    shown = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert shown <= ALWAYS.union(*(known()[name] for name, _ in uses(rule["expr"])))


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_asks_for_metrics_and_labels_that_exist(rule: Rule) -> None:
    found = list(uses(rule["expr"]))
    assert found
    for name, labels in found:
        assert name in known()
        assert labels <= ALWAYS | set(known()[name]), name


def test_the_runbook_explains_every_rule_and_no_other_with_its_severity() -> None:
    text = RUNBOOK.read_text()
    told = dict(re.findall(r"^### (\w+)\n\n(Page|Ticket): ", text, re.MULTILINE))
    assert told == {rule["alert"]: rule["labels"]["severity"].capitalize() for rule in rules()}
    assert len(re.findall(r"^### ", text, re.MULTILINE)) == len(told)


def test_whatever_is_said_to_go_wrong_has_a_rule() -> None:
    wanted = {
        "atalaya_devices_silent", "atalaya_cameras_blind", "atalaya_devices_outbox_messages", "atalaya_disk_free_bytes",
        "atalaya_validity_end_timestamp_seconds", "atalaya_devices_dead_letters", "atalaya_webhook_dead_letters",
        "atalaya_database_up", "atalaya_devices_clock_off", "atalaya_ingest_connected",
        "atalaya_devices_hotlist_expired",
    }  # fmt: skip
    assert wanted <= {name for rule in rules() for name, _ in uses(rule["expr"])}


@promtool
def test_prometheus_takes_rules_and_configuration() -> None:
    done = subprocess.run(
        ["promtool", "check", "config", "--lint-fatal", str(FOLDER / "prometheus.yaml")],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@promtool
def test_rules_fire_when_they_should_and_not_before(tmp_path: Path) -> None:
    """Prometheus's own evaluation, on series of our own: `value+step x times`, one sample a minute."""
    city = '{job="atalaya", instance="a", city="acuna"'
    series = {
        "atalaya_database_up" + '{job="atalaya", instance="a"}': "1x9 0x10",
        f"atalaya_devices_silent{city}}}": "0x4 1x20",
        f'atalaya_devices{city}, line="online"}}': "9x30",
        f'atalaya_devices{city}, line="offline"}}': "1x30",
        f"atalaya_devices_outbox_messages{city}}}": "0+100x60",
        "atalaya_webhook_dead_letters" + '{job="atalaya", instance="a", webhook="c5"}': "0x5 2x9",
        'atalaya_validity_end_timestamp_seconds{job="atalaya", instance="a", kind="server"}': f"{13 * 86400}x60",
        'atalaya_validity_end_timestamp_seconds{job="atalaya", instance="a", kind="issuing"}': f"{91 * 86400}x60",
    }
    firing = {
        "AtalayaDatabaseAway": {"9m": 0, "12m": 1},
        "AtalayaBoxSilent": {"9m": 0, "12m": 1},
        "AtalayaCityDark": {"20m": 0},
        "AtalayaBacklogGrows": {"5m": 0, "25m": 1},
        "AtalayaWebhookDeadLetters": {"4m": 0, "7m": 1},
        "AtalayaValidityEnds": {"5m": 0, "15m": 1},
    }
    asked = [
        {
            "expr": f'count(ALERTS{{alertname="{name}", alertstate="firing"}}) or vector(0)',
            "eval_time": at,
            "exp_samples": [{"labels": "{}", "value": count}],
        }
        for name, moments in firing.items()
        for at, count in moments.items()
    ]
    given = [{"series": name, "values": values} for name, values in series.items()]
    file = tmp_path / "rules.test.yaml"
    whole = {"interval": "1m", "input_series": given, "promql_expr_test": asked}
    file.write_text(yaml.safe_dump({"rule_files": [str(FOLDER / "rules.yaml")], "tests": [whole]}))
    done = subprocess.run(["promtool", "test", "rules", str(file)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
