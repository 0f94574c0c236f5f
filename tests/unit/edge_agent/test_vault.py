"""The box's vault: what it seals opens on this box, for this purpose, and nowhere else."""

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.adapters.vault import KEY_FILE, Vault, open_vault
from edge_agent.errors import VaultError

PURPOSE = "camera/cam-1"
SECRET = b"rtsp-password-canary"


@given(st.binary(max_size=300))
def test_what_is_sealed_opens_again(data: bytes) -> None:
    vault = Vault(bytes(32), is_hardware=False)
    assert vault.open(PURPOSE, vault.seal(PURPOSE, data)) == data


def test_a_vault_opens_what_it_sealed_before_a_restart(tmp_path: Path) -> None:
    sealed = open_vault(tmp_path).seal(PURPOSE, SECRET)
    again = open_vault(tmp_path)
    assert again.open(PURPOSE, sealed) == SECRET
    assert not again.is_hardware


def test_sealing_twice_shows_nothing_alike(tmp_path: Path) -> None:
    vault = open_vault(tmp_path)
    one, other = vault.seal(PURPOSE, SECRET), vault.seal(PURPOSE, SECRET)
    assert one[1:] != other[1:]
    assert SECRET not in one + other


def test_what_was_sealed_for_one_purpose_opens_for_no_other(tmp_path: Path) -> None:
    vault = open_vault(tmp_path)
    with pytest.raises(VaultError, match="another purpose"):
        vault.open("hotlist", vault.seal(PURPOSE, SECRET))


def test_another_boxs_vault_opens_nothing(tmp_path: Path) -> None:
    sealed = open_vault(tmp_path / "one").seal(PURPOSE, SECRET)
    with pytest.raises(VaultError, match="another box"):
        open_vault(tmp_path / "other").open(PURPOSE, sealed)


@pytest.mark.parametrize("cut", [0, 1, 5, 13, 20])
def test_damaged_bytes_are_an_error_that_says_what_to_do(tmp_path: Path, cut: int) -> None:
    vault = open_vault(tmp_path)
    with pytest.raises(VaultError, match="enter it again"):
        vault.open(PURPOSE, vault.seal(PURPOSE, SECRET)[:cut])


def test_the_key_is_its_owners_alone_and_never_replaced(tmp_path: Path) -> None:
    open_vault(tmp_path)
    key = (tmp_path / KEY_FILE).read_bytes()
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    open_vault(tmp_path)
    assert (tmp_path / KEY_FILE).read_bytes() == key
    assert [each.name for each in tmp_path.iterdir()] == [KEY_FILE]


def test_vaults_opened_at_once_share_one_key(tmp_path: Path) -> None:
    found: list[bytes] = []
    start = threading.Barrier(8)

    def open_at_once() -> None:
        start.wait(timeout=30)
        found.append(open_vault(tmp_path).key)

    threads = [threading.Thread(target=open_at_once) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_key_file_that_is_none_is_not_used(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_bytes(b"short")
    with pytest.raises(VaultError, match="move it away"):
        open_vault(tmp_path)


def test_the_key_is_not_shown_by_accident(tmp_path: Path) -> None:
    vault = open_vault(tmp_path)
    assert vault.key.hex() not in repr(vault)
    assert repr(vault.key) not in repr(vault)
