"""Files encrypted in chunks: whatever was changed, exchanged, repeated or cut off shows, and where."""

import io
from collections.abc import Callable

import pytest

from aggregator.adapters.sealed_stream import CHUNK_BYTES, SealedReader, SealedWriter
from aggregator.errors import BadBackup, BadKey

MAGIC = b"a magic line\n"
PASSPHRASE = b"a passphrase of a file"
HEAD = len(MAGIC) + 23 + 16
SEALED = CHUNK_BYTES + 16
PLAIN = bytes(range(256)) * (CHUNK_BYTES // 256) * 2 + b"the rest"  # three chunks


@pytest.fixture(scope="module")
def sealed() -> bytes:
    return sealed_of(PLAIN)


def sealed_of(plain: bytes) -> bytes:
    out = io.BytesIO()
    writer = SealedWriter(out, PASSPHRASE, MAGIC)
    for at in range(0, len(plain), 70_001):
        writer.write(plain[at : at + 70_001])
    writer.close()
    return out.getvalue()


def opened(raw: bytes, passphrase: bytes = PASSPHRASE) -> bytes:
    reader = SealedReader(io.BytesIO(raw[len(MAGIC) :]), passphrase, MAGIC)
    parts = []
    while part := reader.read(30_007):
        parts.append(part)
    return b"".join(parts)


def test_what_was_sealed_opens_again(sealed: bytes) -> None:
    assert opened(sealed) == PLAIN
    assert len(sealed) == HEAD + len(PLAIN) + 3 * 16


@pytest.mark.parametrize("plain", [b"", bytes(CHUNK_BYTES)], ids=["nothing", "one whole chunk"])
def test_the_last_chunk_may_be_empty_or_whole(plain: bytes) -> None:
    assert opened(sealed_of(plain)) == plain


@pytest.mark.parametrize(
    ("alter", "told"),
    [
        (lambda raw: raw[:-1], "cut off or altered"),
        (lambda raw: raw[:HEAD], "cut off"),
        (lambda raw: raw[: HEAD + 2 * SEALED], "cut off or altered"),
        (lambda raw: raw[: HEAD + SEALED] + raw[HEAD + 2 * SEALED :], "altered"),
        (lambda raw: raw[: HEAD + SEALED] + raw[HEAD:], "altered"),
        (lambda raw: raw + b"more", "altered"),
        (
            lambda raw: raw[: HEAD + SEALED + 9] + b"\x00" + raw[HEAD + SEALED + 10 :],
            f"altered after byte {HEAD + SEALED:,}",
        ),
    ],
    ids=[
        "cut by a byte",
        "cut after the head",
        "cut between chunks",
        "a chunk left out",
        "a chunk repeated",
        "something added",
        "a byte changed",
    ],
)
def test_what_was_done_to_a_file_shows(sealed: bytes, alter: Callable[[bytes], bytes], told: str) -> None:
    with pytest.raises(BadBackup, match=told):
        opened(alter(sealed))


def test_another_passphrase_or_head_opens_nothing(sealed: bytes) -> None:
    with pytest.raises(BadKey, match="passphrase is wrong"):
        opened(sealed, b"another passphrase of it")
    with pytest.raises(BadKey):
        opened(sealed[: HEAD - 1] + bytes([sealed[HEAD - 1] ^ 1]) + sealed[HEAD:])
    with pytest.raises(BadBackup, match="very beginning"):
        opened(sealed[: HEAD - 1])
