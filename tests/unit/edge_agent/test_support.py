"""What may leave with a support bundle: canaries in every form that logs and settings have them in."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.support import PLATE_LIKE, REMOVED, redacted, secrets_of

PASSWORD = "Cañón/7@!x"  # what a person thinks of
URL = "rtsp://admin:Ca%C3%B1%C3%B3n%2F7%40%21x@10.1.2.3:554/stream1?token=abcdef"


@pytest.mark.parametrize(
    "text",
    [
        f"camera at {URL} lost",
        f"the password is {PASSWORD}",
        json.dumps({"said": PASSWORD}),
        f"Authorization: Basic {PASSWORD}",
        "user Ca%C3%B1%C3%B3n%2F7%40%21x",
    ],
)
def test_a_known_password_is_found_in_every_form(text: str) -> None:
    secrets = secrets_of([URL], [PASSWORD])
    found = redacted(text, secrets)
    for form in (PASSWORD, json.dumps(PASSWORD)[1:-1], "Ca%C3%B1", "abcdef", "admin:"):
        assert form not in found


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("opening rtsp://admin:hunter22@10.1.2.3:554/live?x=1 now", "opening rtsp://... now"),
        ("opening rtsp://10.1.2.3:554/live/hunter22", "opening rtsp://10.1.2.3:554"),
        ("https://centre.example:8443/artefacts", "https://centre.example:8443"),
        ("password=hunter22 next", f"password={REMOVED} next"),
        ('{"password": "hunter 22", "n": 1}', f'{{"password": "{REMOVED}", "n": 1}}'),
        ('{"asttokens": "3.0.2"}', f'{{"asttokens": "{REMOVED}"}}'),
        ("Authorization: Bearer abc.def", f"Authorization: {REMOVED}"),
        ("contraseña: hunter22", f"contraseña: {REMOVED}"),
        ("-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n-----END PRIVATE KEY-----\nrest", f"{REMOVED}\nrest"),
        ("-----BEGIN TSS2 PRIVATE KEY-----\nMIHwBgZn", REMOVED),
        ("key " + "Ab1+" * 12, f"key {REMOVED}"),
        ("key " + "0f" * 32, f"key {REMOVED}"),
        ("read ABC123D on cam-1", f"read {PLATE_LIKE} on cam-1"),
        ("read ABC-123-D.", f"read {PLATE_LIKE}."),
        ("read ABC 123 D here", f"read {PLATE_LIKE} here"),
        ("LAST PLATE FAB123C SEEN", f"LAST PLATE {PLATE_LIKE} SEEN"),
    ],
)
def test_what_looks_like_a_secret_or_a_plate_is_taken_out_unasked(text: str, left: str) -> None:
    assert redacted(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T17:51:48+0000 box-1 edge-agent[812]: ready",
        '{"event": "hotlist_armed", "list_version": 17, "entries": 200000, "camera": "cam-1"}',
        "outbox 3f2a9c0d1e4b5a69, connection 12, p50 81.5 ms",
        "Debian GNU/Linux 12 (bookworm)",
        "plate-detector/1.2@ab12cd34ef56",
    ],
)
def test_what_support_needs_is_left(text: str) -> None:
    assert redacted(text) == text


@given(
    st.from_regex(r"[A-Z]{3}[0-9]{3}[A-Z]", fullmatch=True),
    st.text(alphabet=" .,:;()[]\n\t\"'", min_size=1, max_size=3),
)
def test_no_plate_of_todays_form_passes_in_any_sentence(plate: str, around: str) -> None:
    assert plate not in redacted(f"seen{around}{plate}{around}there")


def test_short_words_are_not_hunted_for() -> None:
    assert secrets_of(["rtsp://a:b@host"]) == ("a%3Ab", "a:b")
