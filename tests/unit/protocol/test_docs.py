"""docs/protocol.md is held to the code: every structure, field, bound, number, word and context that is on the wire."""

import json
import re
from enum import Enum
from pathlib import Path

import msgspec
import pytest
from protocol_samples_world import SALT

from protocol import (
    cbor,
    cosign,
    delivery,
    federation,
    fields,
    hotlist,
    hotlist_delta,
    joining,
    messages,
    point_messages,
    presence,
    receipts,
    roster,
    settings,
    terms,
    topics,
    trust,
)
from protocol.envelope import MAX_ENVELOPE_BYTES, Context
from protocol.hotlist import ListRefusal, commit_case
from protocol.hotlist_delta import DeltaRefusal
from protocol.keys import KEY_ID_BYTES, Algorithm
from protocol.messages import BODIES, CameraState, Clock, Kind, Quality
from protocol.point_messages import Condition, SettingsState, Verdict
from protocol.presence import Life
from protocol.receipts import Status
from protocol.refusals import Refusal
from protocol.sealing import OVERHEAD_BYTES, Purpose
from protocol.terms import Shown, TermsRefusal, Tier, Use
from protocol.trust import Role, TrustRefusal
from protocol.wire import WireStruct

ROOT = Path(__file__).resolve().parents[3]
DOC = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
RULES = dict(
    re.findall(
        r"^([a-z-]+) = (.*?)(?=^\S)",
        "\n".join(re.findall(r"```cddl\n(.*?)```", DOC, re.DOTALL)) + "\n;",
        re.DOTALL | re.MULTILINE,
    )
)


def wire_structs() -> list[type[WireStruct]]:
    """Every struct with a form on the wire; `_Received` is a view of a bundle."""
    devices = (messages, point_messages, presence, receipts)
    servers = (trust, hotlist, hotlist_delta, settings, terms, federation, roster, joining)
    modules = {module.__name__ for module in (*devices, *servers)}
    return [
        kind for kind in WireStruct.__subclasses__() if kind.__module__ in modules and not kind.__name__.startswith("_")
    ]


def kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def test_every_struct_of_the_wire_is_looked_at() -> None:
    names = {kind.__name__ for kind in wire_structs()}
    assert {
        "Message",
        "Presence",
        "Receipt",
        "TrustBundle",
        "Manifest",
        *(b.__name__ for b in BODIES.values()),
    } <= names


@pytest.mark.parametrize("kind", wire_structs(), ids=lambda kind: kind.__name__)
def test_every_field_is_documented_by_number_name_and_whether_it_may_be_left_out(kind: type[WireStruct]) -> None:
    rows = re.findall(r"^  (\? )?(\d+): .*?; (\w+)", RULES[kebab(kind.__name__)], re.MULTILINE)
    documented = [(int(number), name, bool(optional)) for optional, number, name in rows]
    fields = msgspec.structs.fields(kind)
    expected = [(int(f.encode_name), f.name, not f.required) for f in fields]
    assert documented == sorted(expected)


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (MAX_ENVELOPE_BYTES, "envelope is a COSE_Sign1 (RFC 9052, section 4.2) of at most {}"),
        (messages.MAX_PAYLOAD_BYTES, "The payload, of at most {} bytes"),
        (messages.PIECE_BYTES, "multiples of {} bytes"),
        (fields.MAX_PICTURE_BYTES, "a file has at most {}"),
        (receipts.MAX_RECEIPT_BYTES, "A receipt is at most {} bytes"),
        (presence.MAX_PRESENCE_BYTES, "at most {} bytes of payload"),
        (trust.MAX_TRUST_BYTES, "at most {} bytes"),
        (settings.MAX_SETTINGS_BYTES, "context SETTINGS, at most {} bytes"),
        (terms.MAX_TERMS_BYTES, "context TERMS, at most {} bytes"),
        (settings.MAX_TEXT_CHARACTERS, "at most {} characters, none of U+0000-0008"),
        (hotlist.MAX_MANIFEST_BYTES, "context MANIFEST, at most {} bytes"),
        (hotlist.MAX_SNAPSHOT_BYTES, "at most {} bytes and"),
        (hotlist.MAX_ENTRIES, "and {} entry ids"),
        (federation.MAX_TRANSIT_BYTES, "context TRANSIT, at most {} bytes"),
        (roster.MAX_ROSTER_BYTES, "context ROSTER, at most {} bytes"),
        (federation.MAX_INLINE_BYTES, "A body of at most {} bytes"),
        (federation.MAX_HEAD_BYTES, "context LOG_HEAD, at most {} bytes"),
        (federation.MAX_PAGE_BYTES, "with a **page**, at most {} bytes"),
        (federation.MAX_NOTICE_BYTES, "context NOTICE, at most {} bytes"),
        (cbor.MAX_ITEMS, "{} items"),
        (cbor.MAX_DEPTH, "at most {} levels"),
        (cbor.MAX_KEY, "unsigned integers 0 to {}"),
        (KEY_ID_BYTES, "first {} bytes of the SHA-256"),
        (cosign.MAX_SIGNATURES, "1 to {} signatures"),
        (OVERHEAD_BYTES, "{} bytes more than the plain ones"),
    ],
)
def test_every_bound_is_documented(limit: int, text: str) -> None:
    assert text.format(f"{limit:,}") in " ".join(DOC.split())


def test_every_list_bound_stands_in_the_cddl() -> None:
    for kind in wire_structs():
        for field in msgspec.inspect.type_info(kind).fields:  # type: ignore[attr-defined]  # a StructType
            match field.type:
                case msgspec.inspect.VarTupleType(max_length=int(most)) as listed:
                    bounds = f"{int(field.encode_name)}: [{listed.min_length or 0}*{most} "
                    assert bounds in RULES[kebab(kind.__name__)], (kind, field.name)
                case _:
                    pass


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.slug)
def test_every_kind_has_its_row(kind: Kind) -> None:
    assert f"| {kind.name} | {kind.value} | `{kind.slug}` | {kebab(BODIES[kind].__name__)} |" in DOC


@pytest.mark.parametrize("context", list(Context), ids=lambda context: context.name)
def test_every_context_has_its_row(context: Context) -> None:
    assert f"| {context.name} | `{context.value.decode()}` |" in DOC


@pytest.mark.parametrize("refusal", list(Refusal), ids=lambda refusal: refusal.name)
def test_every_refusal_has_its_row(refusal: Refusal) -> None:
    assert f"| {refusal.value} | {refusal.name} | {'final' if refusal.is_final else 'retry'} |" in DOC


@pytest.mark.parametrize(
    ("word", "values"),
    [
        ("clock", Clock),
        ("quality", Quality),
        ("camera-state", CameraState),
        ("life", Life),
        ("status", Status),
        ("role", Role),
        ("condition", Condition),
        ("verdict", Verdict),
        ("settings-state", SettingsState),
        ("tier", Tier),
        ("use", Use),
        ("shown", Shown),
    ],
)
def test_every_enumeration_has_its_numbers(word: str, values: type[Enum]) -> None:
    row = next(line for line in DOC.splitlines() if line.startswith(f"| `{word}` |"))
    assert re.findall(r"(\d) ([A-Z_]+)", row) == [(str(each.value), each.name) for each in values]
    assert RULES[word].split("\n")[0] == " / ".join(str(each.value) for each in values)


def test_every_list_and_trust_refusal_is_named() -> None:
    for refusal in ListRefusal:
        assert f"`{refusal.value}`" in DOC
    for useless in DeltaRefusal:
        assert f"`{useless.value}`" in DOC.partition("A **delta** is")[2].partition("A box checks")[0]
    for why in TrustRefusal:
        assert f"`{why.name}`" in DOC
    for each in settings.SettingsRefusal:
        assert f"`{each.value}`" in DOC.partition("## Settings")[2].partition("## Terms")[0]
    for said in TermsRefusal:
        assert f"`{said.value}`" in DOC.partition("## Terms")[2].partition("## Hotlists")[0]


def test_every_kind_of_item_and_every_refusal_of_a_head_is_told() -> None:
    section = DOC.partition("\n## Federation")[2].partition("\n## ")[0]
    for kind in federation.ItemKind:
        ways = "up, down" if kind in federation.UPWARD else "down"
        assert f"| `{kind.slug}` | {kind.value} | {ways} |" in section
    for refusal in federation.HeadRefusal:
        assert f"`{refusal.value}`" in section
    for path in (federation.ITEMS_PATH, federation.LOG_PATH, joining.JOIN_PATH):
        assert path in section


def test_every_topic_word_has_its_direction() -> None:
    section = DOC.partition("## Topics")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ((?:`[a-z-]+`(?:, )?)+) \| ([a-z-]+) \|", section, re.MULTILINE)
    documented = {word: way for words, way in rows for word in re.findall(r"`([a-z-]+)`", words)}
    assert documented == {word: way.value for word, way in topics.SCHEMA.items()}


def test_every_algorithm_and_sealing_purpose_is_named() -> None:
    for algorithm in Algorithm:
        assert f"| {algorithm.name} | {algorithm.value} |" in DOC
    for purpose in Purpose:
        assert f"| `{purpose.value.decode()}` |" in DOC


def test_ranks_and_pace_are_as_in_the_code() -> None:
    section = " ".join(DOC.partition("## Delivery")[2].partition("## ")[0].split())
    for kind, rank in delivery.RANK.items():
        documented = re.search(rf"{rank} (?:`[a-z-]+`(?: and |, )?)*?`{kind.slug}`", section)
        assert documented is not None, kind
    pace = delivery.Pace()
    assert f"after {pace.first_s:.0f} s, doubled at each try up to {pace.most_s:.0f} s" in section


def test_the_example_is_the_first_vector_byte_for_byte() -> None:
    (vector, second, *_) = json.loads((ROOT / "tests/vectors/v1/messages.json").read_text(encoding="utf-8"))
    example = DOC.partition("### A hit, byte by byte")[2].split("```")[1]
    assert "".join(re.sub(r"#.*|\s", "", line) for line in example.splitlines()) == vector["bytes"]
    assert f"`{vector['sha256']}`" in DOC
    assert second["meaning"]["previous"] == vector["sha256"]
    begins = DOC.partition("Its Sig_structure")[2].split("```")[1]
    head = "".join(re.sub(r"#.*|\s|\.\.\.", "", line) for line in begins.splitlines())
    assert vector["signatures"][0]["to_be_signed"].startswith(head)


def test_every_vector_file_is_listed() -> None:
    first, minor, link = re.split(r"and in v1\.\d:", DOC.partition("## Vectors")[2])
    for folder, told in (("v1", first), ("v1.1", minor), ("v1.2", link)):
        for path in (ROOT / "tests" / "vectors" / folder).iterdir():
            assert f"`{path.name}`" in told


def test_the_case_commitment_is_made_as_written() -> None:
    assert '`"atalaya/v1/case"`, a zero byte, 16 random bytes of salt, and the case number' in " ".join(DOC.split())
    assert commit_case("x", SALT) != commit_case("y", SALT)
