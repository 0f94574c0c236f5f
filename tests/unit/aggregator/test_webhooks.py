"""The rules of webhooks: the signature that any library checks, where nothing is sent, when what is tried again."""

import base64
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.core.webhooks import (
    Answer,
    Tried,
    address_problem,
    after_failure,
    headers_of,
    read_secrets,
    secret_text,
    url_problem,
)
from aggregator.errors import BadInput

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_the_signature_is_that_of_the_published_example() -> None:
    keys = read_secrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = headers_of("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', keys, at=at)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"


def test_two_secrets_sign_so_that_one_can_be_changed() -> None:
    old, new = secret_text(b"o" * 32), secret_text(b"n" * 32)
    both = headers_of("a-1", b"{}", read_secrets(f"{old}\n\n{new}\n"), at=NOW)["webhook-signature"].split()
    alone = [headers_of("a-1", b"{}", read_secrets(each), at=NOW)["webhook-signature"] for each in (old, new)]
    assert both == alone


@pytest.mark.parametrize("text", ["", "hunter2", "whsec_!!!!", "whsec_" + base64.b64encode(b"short").decode()])
def test_what_is_no_secret_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_secrets(text)
    assert text == "" or text not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "is_private", "is_good"),
    [
        ("https://cad.example.mx/alerts", False, True),
        ("https://cad.example.mx:8443/alerts?x=1", False, True),
        ("https://8.8.8.8/", False, True),
        ("http://cad.example.mx/", False, False),
        ("http://cad.example.mx/", True, False),
        ("http://127.0.0.1:9000/", False, False),
        ("http://127.0.0.1:9000/", True, True),
        ("https://10.0.4.7/", False, False),
        ("https://10.0.4.7/", True, True),
        ("https://[fd00::1]/", False, False),
        ("https://169.254.169.254/latest/meta-data", True, False),
        ("https://[::ffff:169.254.169.254]/", True, False),
        ("https://0.0.0.0/", True, False),
        ("https://ana:pass@cad.example.mx/", False, False),
        ("https://cad.example.mx/#here", False, False),
        ("https://cad.example.mx:99999/", False, False),
        ("file:///etc/passwd", True, False),
        ("ftp://cad.example.mx/", False, False),
        ("cad.example.mx", False, False),
        ("https://", False, False),
    ],
)
def test_only_a_public_https_address_is_called_unless_more_is_meant(url: str, is_private: bool, is_good: bool) -> None:
    assert (url_problem(url, is_private=is_private) is None) is is_good


@given(st.ip_addresses())
def test_a_private_webhook_reaches_all_that_a_public_one_does_and_neither_a_clouds_keys(address: object) -> None:
    parsed = ip_address(str(address))
    if address_problem(parsed, is_private=False) is None:
        assert address_problem(parsed, is_private=True) is None
        assert not parsed.is_link_local


@pytest.mark.parametrize(
    ("answer", "is_taken", "is_about_the_message"),
    [
        (Answer(status=200), True, False),
        (Answer(status=204), True, False),
        (Answer(status=301), False, False),
        (Answer(status=400), False, True),
        (Answer(status=410), False, True),
        (Answer(status=429), False, False),
        (Answer(status=408), False, False),
        (Answer(status=503), False, False),
        (Answer(problem="it did not answer in time"), False, False),
    ],
)
def test_an_answer_is_about_the_message_or_about_the_receiver(
    answer: Answer, is_taken: bool, is_about_the_message: bool
) -> None:
    assert (answer.is_taken, answer.is_about_the_message) == (is_taken, is_about_the_message)


def test_pauses_grow_up_to_an_hour_and_a_days_failures_are_a_dead_letter() -> None:
    down, now, waited = Answer(problem="down"), NOW, []
    for failures in range(40):
        tried = Tried(attempts=failures + 1, failures=failures, waiting_since=NOW)
        following = after_failure(down, tried, now=now, give_up=DAY, rng=Random(1))
        assert following.is_dead is (now - NOW >= DAY)
        assert following.rest_until == following.try_at
        waited.append((following.try_at - now).total_seconds())
        now = following.try_at
    assert waited[0] < 7
    assert max(waited) <= 3600 * 1.25
    assert now - NOW > DAY, "which forty tries reach"


def test_a_message_that_is_not_wanted_does_not_rest_its_receiver() -> None:
    tried = Tried(attempts=3, failures=0, waiting_since=NOW)
    assert after_failure(Answer(status=422), tried, now=NOW, give_up=DAY, rng=Random(1)).rest_until is None
