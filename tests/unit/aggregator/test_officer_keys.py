"""Officers' keys in files: made, read, and what is no key of an officer."""

import base64
import stat
import struct
from pathlib import Path

import pytest

from aggregator.adapters.officer_keys import file_signer, make_key, read_public
from aggregator.errors import AlreadyThere, BadKey
from protocol.errors import BadName

PASSPHRASE = b"correct horse battery staple"


def ssh_line(kind: bytes, *parts: bytes) -> bytes:
    blob = b"".join(struct.pack(">I", len(part)) + part for part in (kind, *parts))
    return kind + b" " + base64.b64encode(blob) + b" ana@desk\n"


def test_a_new_key_signs_under_its_passphrase_as_its_public_half_says(tmp_path: Path) -> None:
    made = make_key("ana", tmp_path, PASSPHRASE)
    assert stat.S_IMODE(made.private.stat().st_mode) == 0o600
    signer, public = file_signer(made.private, PASSPHRASE), read_public(made.public)
    assert public.key_id == made.key_id
    assert public.verifies(signer.sign(b"a batch"), b"a batch")
    with pytest.raises(BadKey, match="passphrase is wrong"):
        file_signer(made.private, b"another passphrase")


def test_no_key_is_written_over(tmp_path: Path) -> None:
    make_key("ana", tmp_path, PASSPHRASE)
    with pytest.raises(AlreadyThere):
        make_key("ana", tmp_path, PASSPHRASE)


def test_an_officers_name_is_an_id(tmp_path: Path) -> None:
    with pytest.raises(BadName):
        make_key("Ana Ruiz", tmp_path, PASSPHRASE)
    assert not list(tmp_path.iterdir())


def test_a_hardware_key_is_refused_and_the_reason_is_said(tmp_path: Path) -> None:
    public = tmp_path / "ana.pub"
    public.write_bytes(ssh_line(b"sk-ssh-ed25519@openssh.com", bytes(32), b"ssh:"))
    with pytest.raises(BadKey, match="FIDO"):
        read_public(public)


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"hello", b"ssh-ed25519", b"ssh-ed25519 !!!", b"ssh-ed25519 AAAA/w==", bytes(44)),
        *(ssh_line(b"ssh-ed25519"), ssh_line(b"ssh-ed25519", bytes(31)), b"-----BEGIN PUBLIC KEY-----\nAA\n"),
    ],
)
def test_what_is_no_public_key_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "ana.pub"
    path.write_bytes(data)
    with pytest.raises(BadKey):
        read_public(path)
