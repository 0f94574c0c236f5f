"""The CDDL in docs/protocol.md, read by an independent validator: it takes our vectors and refuses what we refuse."""

import contextlib
import json
import re
import subprocess
from pathlib import Path

import cbor2
import pytest
from interop_env import interop_python
from protocol_negatives import negatives
from protocol_negatives_link import unfit_forms
from protocol_negatives_minor import minor_negatives
from protocol_samples import samples, snapshot
from protocol_samples_delta import delta, delta_samples
from protocol_samples_link import lines, link_samples, page
from protocol_samples_minor import minor_samples
from protocol_samples_terms import terms_negatives, terms_samples
from vector_forms import PAYLOADS

from protocol import cbor
from protocol.cosign import parse_cosigned
from protocol.envelope import Context, parse
from protocol.errors import BadEnvelope, DecodeError
from protocol.messages import BODIES, Kind
from protocol.refusals import Refusal
from protocol.terms import TermsRefusal

ROOT = Path(__file__).resolve().parents[2]
CDDL = "\n".join(re.findall(r"```cddl\n(.*?)```", (ROOT / "docs/protocol.md").read_text(encoding="utf-8"), re.DOTALL))
# RFC 8610 means patterns for the whole text; this validator searches, so it gets them with their ends.
SCHEMA = re.sub(r'\.regexp "(.*?)"', r'.regexp "^\1$"', CDDL)
# What CDDL's patterns and types do not say; docs/protocol.md says it in words.
IN_WORDS = re.compile("newline|line break|zero byte|a plate and no match|past its picture")
NOT_SEEN = {"outbox id as text"}  # this validator takes text for bytes where only the size is said


def kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def complaints(items: list[tuple[str, bytes]]) -> list[str | None]:
    """Per rule and bytes: None if they conform."""
    asked = json.dumps({"schema": SCHEMA, "items": [(rule, data.hex()) for rule, data in items]})
    peer = Path(__file__).with_name("cddl_peer.py")
    done = subprocess.run([interop_python(), peer], input=asked, capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout))


def rules_of(context: Context, payload: bytes) -> list[tuple[str, bytes]]:
    """The rules that a payload must conform to: its own, and its body's."""
    found = [(kebab(PAYLOADS[context].__name__), payload)]
    if context is Context.MESSAGE:
        message = cbor2.loads(payload)
        body = BODIES[Kind(message[1])] if message[1] in set(Kind) else None
        found += [(kebab(body.__name__), cbor2.dumps(message[11], canonical=True))] if body else []
    return found


def test_every_vector_conforms() -> None:
    items = [
        item
        for sample in (*samples(), *minor_samples(), *link_samples(), *delta_samples(), *terms_samples())
        for item in rules_of(
            sample.context,
            parse_cosigned(sample.raw, max_bytes=10_000).payload
            if sample.context is Context.BATCH
            else parse(sample.raw).payload,
        )
    ]
    items += [("snapshot", snapshot()), ("delta", delta()), ("page", page()), *(("log-item", line) for line in lines())]
    assert dict(zip([rule for rule, _ in items], complaints(items), strict=True)) == {rule: None for rule, _ in items}
    assert {rule for rule, _ in items} >= {kebab(body.__name__) for body in BODIES.values()}


def unfit_payloads() -> list[tuple[str, list[tuple[str, bytes]]]]:
    """Messages of bad form but in the one encoding, which CDDL cannot judge: name, and the rules to try."""
    found = []
    for negative in (*negatives(), *minor_negatives()):
        if (negative.structure, negative.refusal) != ("message", Refusal.BAD_FORM):
            continue
        with contextlib.suppress(BadEnvelope, DecodeError):
            payload = parse(negative.raw).payload
            tree = cbor.decode(payload, max_bytes=10_000)
            is_message = isinstance(tree, dict) and {0, 1, 11} <= set(tree)
            found.append((negative.name, rules_of(Context.MESSAGE, payload) if is_message else [("message", payload)]))
    return found


def test_what_is_refused_for_its_form_does_not_conform() -> None:
    unfit = unfit_payloads()
    told = iter(complaints([item for _, items in unfit for item in items]))
    complained = {name: [next(told) for _ in items] for name, items in unfit}
    conforming = [name for name, about in complained.items() if not any(about)]
    assert [name for name in conforming if not IN_WORDS.search(name)] == sorted(NOT_SEEN)
    assert len(unfit) - len(conforming) > 20


# What CDDL has no word for: what must be once only, or the same here as there.
HANGS_TOGETHER = re.compile("line break|in words|a key that is none|stands there twice|that is not there")


def test_what_is_of_no_form_between_city_and_region_does_not_conform() -> None:
    contexts = {sample.name: sample.context for sample in link_samples()}
    unfit = [
        (negative.name, *rules_of(contexts[negative.structure], parse(negative.raw).payload)[0])
        for negative in unfit_forms()
    ]
    told = complaints([(rule, payload) for _, rule, payload in unfit])
    conforming = [name for (name, *_), complaint in zip(unfit, told, strict=True) if complaint is None]
    assert [name for name in conforming if not HANGS_TOGETHER.search(name)] == []
    assert len(unfit) - len(conforming) > 20


@pytest.mark.parametrize("rule", ["envelope", "cosigned"])
def test_the_rules_of_the_signed_structures_are_cddl(rule: str) -> None:
    (told,) = complaints([(rule, b"\x00")])
    assert told is not None


# What terms say in words: an order of two numbers, a name that stands there once, a version.
OF_TERMS = re.compile("end at the beginning|a point twice|window of no time")


def test_terms_of_no_form_do_not_conform() -> None:
    unfit = [
        (negative.name, parse(negative.raw).payload)
        for negative in terms_negatives()
        if negative.refusal in (TermsRefusal.BAD_FORM, TermsRefusal.UNKNOWN_VERSION)
    ]
    told = complaints([("terms", payload) for _, payload in unfit])
    conforming = [name for (name, _), complaint in zip(unfit, told, strict=True) if complaint is None]
    assert [name for name in conforming if not OF_TERMS.search(name)] == []
    assert len(unfit) - len(conforming) > 10
