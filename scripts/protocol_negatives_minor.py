"""Bytes of what minor 1.1 added that must be refused, each with its reason."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import cbor2
import msgspec
from protocol_negatives import Negative
from protocol_samples import take_message
from protocol_samples_minor import document, minor_samples, take_settings
from protocol_samples_world import NOW_MS, YEAR_MS, key, signed_payload

from protocol import cbor
from protocol.envelope import Context, parse
from protocol.fields import THUMBNAIL_BYTES
from protocol.refusals import Refusal
from protocol.settings import LONGEST_TRIAL_S, MAX_TEXT_CHARACTERS, SettingsRefusal, sign_settings

TAKERS: Final[dict[str, Callable[[bytes], object]]] = {"message": take_message, "settings document": take_settings}
SAMPLES: Final = {sample.name: sample for sample in minor_samples()}


def minor_negatives() -> list[Negative]:
    """All of them, in a fixed order."""
    unfit = [Negative(name, "message", signed_payload(raw), Refusal.BAD_FORM) for name, raw in _unfit_messages()]
    forms = [
        Negative(
            name,
            "settings document",
            signed_payload(raw, "server", Context.SETTINGS),
            SettingsRefusal.UNKNOWN_VERSION if "version 2" in name else SettingsRefusal.BAD_FORM,
        )
        for name, raw in _unfit_documents()
    ]
    return [*unfit, *forms, *_unfit_for_the_box()]


def _tree(name: str) -> dict[int, Any]:
    tree = cbor.decode(parse(SAMPLES[name].raw).payload, max_bytes=100_000)
    if not isinstance(tree, dict):
        raise TypeError(f"{name} is no map")
    return tree


def _changed(tree: dict[int, Any], changes: Mapping[int, object]) -> dict[int, Any]:
    return {key: value for key, value in {**tree, **changes}.items() if value is not None}


def _unfit_messages() -> Iterator[tuple[str, bytes]]:
    for kind, name, changes in (
        ("camera-condition", "condition 6", {1: 6}),
        ("camera-condition", "condition 0", {1: 0}),
        ("camera-condition", "active as a number", {2: 1}),
        ("camera-condition", "brightness above a thousand per mille", {4: {0: 1, 1: 1001, 2: 0, 3: 0}}),
        ("camera-condition", "figures without edges", {4: {0: 1, 1: 1, 2: 0}}),
        ("camera-condition", "a thumbnail of no bytes", {6: b""}),
        ("camera-condition", "a thumbnail a byte too large", {7: bytes(THUMBNAIL_BYTES + 1)}),
        ("acceptance", "no check", {4: []}),
        ("acceptance", "257 checks", {4: [{0: "clock", 1: 1}] * 257}),
        ("acceptance", "a technician with a line break", {1: "Rosa\nNúñez"}),
        ("acceptance", "verdict 4", {3: 4}),
        ("acceptance", "a check without a verdict", {4: [{0: "clock"}]}),
        ("settings-result", "number 0", {0: 0}),
        ("settings-result", "state 4", {2: 4}),
        ("settings-result", "a reason with a space", {3: "not healthy"}),
        ("settings-result", "no rollout", {1: None}),
    ):
        tree = _tree(f"{kind} (device)")
        yield name, cbor2.dumps({**tree, 11: _changed(tree[11], changes)}, canonical=True)


def _unfit_documents() -> Iterator[tuple[str, bytes]]:
    tree = _tree("settings document")
    for name, changes in (
        ("number 0", {1: 0}),
        ("a device in capitals", {3: "BOX-17"}),
        ("no profile", {6: None}),
        ("a text with a zero byte", {8: "a = 1\x00"}),
        ("a text with a carriage return", {8: "a = 1\r\n"}),
        ("a text a character too long", {7: "#" * (MAX_TEXT_CHARACTERS + 1)}),
        ("a text as bytes", {8: b"a = 1"}),
        ("a trial of no time", {9: 0}),
        ("a trial a second too long", {9: LONGEST_TRIAL_S + 1}),
        ("version 2", {0: 2}),
    ):
        yield name, cbor2.dumps(_changed(tree, changes), canonical=True)


def _unfit_for_the_box() -> list[Negative]:
    server, fit = key("server"), document()

    def told(**changes: object) -> bytes:
        return sign_settings(msgspec.structs.replace(fit, **changes), server)

    good = SAMPLES["settings document"].raw
    payload = parse(good).payload
    return [
        Negative(name, "settings document", raw, refusal)
        for name, raw, refusal in (
            ("signed by an officer", sign_settings(fit, key("officer-ana")), SettingsRefusal.UNKNOWN_KEY),
            ("signed by the device", sign_settings(fit, key("device")), SettingsRefusal.UNKNOWN_KEY),
            (
                "signed as a manifest",
                signed_payload(payload, "server", Context.MANIFEST),
                SettingsRefusal.BAD_SIGNATURE,
            ),
            ("last bit of the text", good[:-69] + bytes((good[-69] ^ 1,)) + good[-68:], SettingsRefusal.BAD_SIGNATURE),
            ("for another city", told(city="torreon"), SettingsRefusal.OTHER_CITY),
            ("for another box", told(device="box-18"), SettingsRefusal.OTHER_BOX),
            ("made before the grant", told(created_ms=NOW_MS - YEAR_MS - 1), SettingsRefusal.UNKNOWN_KEY),
            ("made after the grant", told(created_ms=NOW_MS + YEAR_MS + 1), SettingsRefusal.UNKNOWN_KEY),
            ("number 3 after number 4", told(number=3), SettingsRefusal.ROLLED_BACK),
            ("other bytes under number 4", told(number=4), SettingsRefusal.ROLLED_BACK),
        )
    ]
