"""docs/enrolment.md is held to the code: states, words, steps, files, faults."""

import re
from pathlib import Path

from enrolling.faults import FAULTS

from aggregator.adapters.enrolment_desk import STEPS
from aggregator.core.invitation import Refusal, State
from aggregator.http.open_port import MAX_BODY_BYTES, READ_TIMEOUT_S
from aggregator.http.short_lines import MOST_AT_ONCE
from edge_agent.adapters.enroll_files import SETTINGS
from edge_agent.adapters.keystore import AUTHORITY, CERTIFICATE, FACTS, KEY, REQUEST, ROOT, TRUST
from edge_agent.core.enrolment import SAID
from protocol.enrolment import AUTHORITY_PATH, REQUEST_PATH
from protocol.renewal import PATH

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "enrolment.md").read_text(encoding="utf-8")


def rows(heading: str) -> str:
    """The part of the page under a heading."""
    return PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def test_every_state_of_an_invitation_is_told_and_no_other() -> None:
    told = re.findall(r"^\| ((?:`[a-z]+`(?:, )?)+) \|", rows("Invitations"), re.MULTILINE)
    assert set(re.findall(r"`([a-z]+)`", " ".join(told))) == {state.value for state in State}


def test_every_refusal_is_told_and_the_box_has_words_for_it() -> None:
    line = next(line for line in rows("The enrolment port").splitlines() if line.startswith(f"| `POST {REQUEST_PATH}`"))
    told = set(re.findall(r"`([a-z_]+)`", line.split("Refusals:")[1]))
    assert {refusal.value for refusal in Refusal} <= told
    assert told <= set(SAID)


def test_every_resource_and_bound_of_the_port_is_told() -> None:
    part = rows("The enrolment port")
    for resource in (f"GET {AUTHORITY_PATH}", f"POST {REQUEST_PATH}", f"POST {PATH}"):
        assert f"`{resource}`" in part
    for bound in (f"{MAX_BODY_BYTES // 1024} KiB", f"{READ_TIMEOUT_S:.0f} seconds", f"{MOST_AT_ONCE} connections"):
        assert bound in part


def test_every_file_of_an_enrolled_box_is_told() -> None:
    part = rows("On the box")
    for name in (KEY, REQUEST, AUTHORITY, ROOT, TRUST, SETTINGS, FACTS, CERTIFICATE):
        assert f"`{name}`" in part


def test_every_fault_and_every_step_of_the_drill_is_told() -> None:
    part = rows("The drill")
    for fault in FAULTS:
        kind = re.sub(r" at .*", " at STEP", fault)
        assert f"`{kind}`" in part
    for step in STEPS:
        assert f"`.{step.rpartition('.')[2]}`" in part or f"`{step}`" in part
