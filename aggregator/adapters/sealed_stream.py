"""A file of any length under a passphrase, in chunks: written and read with one chunk in memory.

    magic line  salt (16)  nonce's prefix (7)  key check (16)  chunks of 64 KiB, each AES-256-GCM with a tag of 16 bytes

The key comes from the passphrase by scrypt, as that of `aggregator ca backup` does. A chunk's nonce is the prefix, its
number (4 bytes) and whether it is the last (1 byte); magic line, salt and prefix are authenticated with each. Chunks
cannot be changed, exchanged, repeated or taken away, and a file that was cut off shows it (the construction is STREAM,
of Hoang, Reyhanitabar, Rogaway and Vizár, 2015). The key check is the tag of nothing, under a number that no chunk has:
it tells a wrong passphrase from a damaged file.
"""

import os
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from aggregator.errors import BadBackup, BadKey

SALT_BYTES: Final = 16
CHUNK_BYTES: Final = 64 * 1024
_PREFIX_BYTES: Final = 7
_TAG_BYTES: Final = 16
_KEY_CHECK: Final = 2**32 - 1  # the number of no chunk: a file ends long before
_SCRYPT_N: Final = 2**17  # 128 MiB a guess


def key_of(passphrase: bytes, salt: bytes) -> bytes:
    """The key of a passphrase and a salt."""
    return Scrypt(salt=salt, length=32, n=_SCRYPT_N, r=8, p=1).derive(passphrase)


class SealedWriter:
    """Takes bytes as they come; `close` seals the last chunk, and nothing before it makes a whole file."""

    def __init__(self, file: BinaryIO, passphrase: bytes, magic: bytes) -> None:
        """Write the head."""
        salt, self._prefix = os.urandom(SALT_BYTES), os.urandom(_PREFIX_BYTES)
        self._head = magic + salt + self._prefix
        self._cipher = AESGCM(key_of(passphrase, salt))
        self._file, self._waiting, self._number = file, bytearray(), 0
        file.write(self._head + self._cipher.encrypt(_nonce(self._prefix, _KEY_CHECK, is_last=False), b"", self._head))

    def write(self, data: bytes) -> int:
        """Add bytes."""
        self._waiting += data
        while len(self._waiting) > CHUNK_BYTES:  # the last chunk is never empty unless all is
            self._seal(bytes(self._waiting[:CHUNK_BYTES]), is_last=False)
            del self._waiting[:CHUNK_BYTES]
        return len(data)

    def close(self) -> None:
        """Seal what is left as the last chunk."""
        self._seal(bytes(self._waiting), is_last=True)

    def _seal(self, chunk: bytes, *, is_last: bool) -> None:
        nonce = _nonce(self._prefix, self._number, is_last=is_last)
        self._file.write(self._cipher.encrypt(nonce, chunk, self._head))
        self._number += 1


class SealedReader:
    """Gives back what was written, each chunk only once it is verified."""

    def __init__(self, file: BinaryIO, passphrase: bytes, magic: bytes) -> None:
        """Read the head; raises `BadKey` for another passphrase's file, `BadBackup` where there is too little of it."""
        self._head, check = magic + file.read(SALT_BYTES + _PREFIX_BYTES), file.read(_TAG_BYTES)
        self._file, self._next = file, file.read(CHUNK_BYTES + _TAG_BYTES)
        if not self._next:
            raise BadBackup("it is cut off at its very beginning")
        salt, self._prefix = self._head[len(magic) : -_PREFIX_BYTES], self._head[-_PREFIX_BYTES:]
        self._cipher = AESGCM(key_of(passphrase, salt))
        self._ready, self._number = bytearray(), 0
        self._check_key(check)

    def read(self, count: int) -> bytes:
        """The next bytes, fewer at the end; raises `BadBackup`."""
        while len(self._ready) < count and self._next:
            self._open_next()
        data = bytes(self._ready[:count])
        del self._ready[:count]
        return data

    def _check_key(self, check: bytes) -> None:
        try:
            self._cipher.decrypt(_nonce(self._prefix, _KEY_CHECK, is_last=False), check, self._head)
        except InvalidTag as exc:
            raise BadKey("it does not open: the passphrase is wrong, or its first bytes were altered") from exc

    def _open_next(self) -> None:
        sealed, self._next = self._next, self._file.read(CHUNK_BYTES + _TAG_BYTES)
        self._ready += self._opened(sealed, is_last=not self._next)
        self._number += 1

    def _opened(self, sealed: bytes, *, is_last: bool) -> bytes:
        try:
            return self._cipher.decrypt(_nonce(self._prefix, self._number, is_last=is_last), sealed, self._head)
        except InvalidTag as exc:
            at = len(self._head) + _TAG_BYTES + self._number * (CHUNK_BYTES + _TAG_BYTES)
            what = "cut off or altered" if is_last else "altered"
            raise BadBackup(f"{what} after byte {at:,}") from exc


def _nonce(prefix: bytes, number: int, *, is_last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([is_last])
