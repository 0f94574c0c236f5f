"""Settings documents: who may sign them, for whom, and that they only go forwards."""

from dataclasses import replace

import msgspec
import pytest
from protocol_samples_minor import document, trust
from protocol_samples_world import NOW_MS, WHO, YEAR_MS, grant_of, grants, key

from protocol.envelope import envelope_hash
from protocol.errors import EncodeError
from protocol.settings import (
    MAX_SETTINGS_BYTES,
    MAX_TEXT_CHARACTERS,
    SettingsDocument,
    SettingsRefusal,
    Taken,
    check_settings,
    sign_settings,
)
from protocol.trust import Role, TrustStore

SIGNED = sign_settings(document(), key("server"))


def test_a_box_reads_what_its_region_signed_for_it() -> None:
    assert check_settings(SIGNED, trust(), WHO) == document()


def test_the_same_document_again_is_no_step_back() -> None:
    assert check_settings(SIGNED, trust(), WHO, Taken(5, envelope_hash(SIGNED))) == document()


def test_other_bytes_under_the_same_number_are_a_step_back() -> None:
    other = sign_settings(msgspec.structs.replace(document(), trial_s=601), key("server"))
    assert check_settings(other, trust(), WHO, Taken(5, envelope_hash(SIGNED))) is SettingsRefusal.ROLLED_BACK


def test_a_lower_number_is_a_step_back_whatever_it_says() -> None:
    assert check_settings(SIGNED, trust(), WHO, Taken(6, bytes(32))) is SettingsRefusal.ROLLED_BACK


def test_a_receipts_key_signs_no_settings() -> None:
    without = TrustStore(trust().root, 7, NOW_MS, grants())
    assert without.find(Role.RECEIPT, key("server").public_key.key_id, city=WHO.city, at_ms=NOW_MS) is not None
    assert check_settings(SIGNED, without, WHO) is SettingsRefusal.UNKNOWN_KEY


def test_a_key_of_another_citys_server_is_unknown() -> None:
    elsewhere = grant_of(Role.SETTINGS, key("server").public_key.spki, "torreon-c4", ("torreon",))
    assert check_settings(SIGNED, TrustStore(trust().root, 8, NOW_MS, (elsewhere,)), WHO) is SettingsRefusal.UNKNOWN_KEY


@pytest.mark.parametrize("device", ["box-18", "box-1", "box-177"])
def test_another_box_does_not_take_it(device: str) -> None:
    assert check_settings(SIGNED, trust(), replace(WHO, device=device)) is SettingsRefusal.OTHER_BOX


def test_a_document_holds_after_its_grant_has_run_out_if_it_was_made_within() -> None:
    """No clock is asked: a box without an uplink goes on with what it has."""
    late = sign_settings(msgspec.structs.replace(document(), created_ms=NOW_MS + YEAR_MS), key("server"))
    assert isinstance(check_settings(late, trust(), WHO), SettingsDocument)
    later = sign_settings(msgspec.structs.replace(document(), created_ms=NOW_MS + YEAR_MS + 1), key("server"))
    assert check_settings(later, trust(), WHO) is SettingsRefusal.UNKNOWN_KEY


def test_every_single_bit_counts() -> None:
    for at in range(0, len(SIGNED), 7):
        for bit in (0, 5):
            changed = SIGNED[:at] + bytes((SIGNED[at] ^ (1 << bit),)) + SIGNED[at + 1 :]
            assert isinstance(check_settings(changed, trust(), WHO), SettingsRefusal)


def test_two_full_texts_fit_and_nothing_longer_is_signed() -> None:
    text = "#" * MAX_TEXT_CHARACTERS
    full = msgspec.structs.replace(document(), profile_toml=text, settings_toml=text)
    raw = sign_settings(full, key("server"))
    assert len(raw) <= MAX_SETTINGS_BYTES
    assert check_settings(raw, trust(), WHO) == full
    with pytest.raises(EncodeError):
        sign_settings(msgspec.structs.replace(full, settings_toml=text + "#"), key("server"))
    with pytest.raises(EncodeError):
        sign_settings(msgspec.structs.replace(full, settings_toml="ñ" * MAX_TEXT_CHARACTERS), key("server"))
