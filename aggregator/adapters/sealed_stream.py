"""A file of any length under a passphrase, in chunks: written and read with one chunk in memory.

    magic line  salt (16)  nonce's prefix (7)  chunks of 1 MiB, each AES-256-GCM with a tag of 16 bytes

The key comes from the passphrase by scrypt, as that of `aggregator ca backup` does. A chunk's nonce is the prefix, its
number (4 bytes) and whether it is the last (1 byte), and everything before the first chunk is authenticated with each:
chunks cannot be changed, exchanged, repeated or taken away, and a file that was cut off shows it (the construction
is STREAM, of Hoang, Reyhanitabar, Rogaway and Vizár, 2015).
"""

import os
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from aggregator.errors import BadBackup, BadKey

SALT_BYTES: Final = 16
CHUNK_BYTES: Final = 1024 * 1024
_PREFIX_BYTES: Final = 7
_TAG_BYTES: Final = 16
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
        file.write(self._head)

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
        """Read the head; raises `BadKey` where the first chunk does not open, `BadBackup` where there is none."""
        self._head = magic + file.read(SALT_BYTES + _PREFIX_BYTES)
        if len(self._head) < len(magic) + SALT_BYTES + _PREFIX_BYTES:
            raise BadBackup("it is cut off at its very beginning")
        salt, self._prefix = self._head[len(magic) : -_PREFIX_BYTES], self._head[-_PREFIX_BYTES:]
        self._cipher = AESGCM(key_of(passphrase, salt))
        self._file, self._ready, self._number = file, bytearray(), 0
        self._next = file.read(CHUNK_BYTES + _TAG_BYTES)
        self._open_first()

    def read(self, count: int) -> bytes:
        """The next bytes, fewer at the end; raises `BadBackup`."""
        while len(self._ready) < count and self._next:
            self._open_next()
        data = bytes(self._ready[:count])
        del self._ready[:count]
        return data

    def _open_first(self) -> None:
        try:
            self._open_next()
        except BadBackup as exc:
            raise BadKey("it does not open: the passphrase is wrong, or its first megabyte was altered") from exc

    def _open_next(self) -> None:
        sealed, self._next = self._next, self._file.read(CHUNK_BYTES + _TAG_BYTES)
        self._ready += self._opened(sealed, is_last=not self._next)
        self._number += 1

    def _opened(self, sealed: bytes, *, is_last: bool) -> bytes:
        try:
            return self._cipher.decrypt(_nonce(self._prefix, self._number, is_last=is_last), sealed, self._head)
        except InvalidTag as exc:
            at = len(self._head) + self._number * (CHUNK_BYTES + _TAG_BYTES)
            what = "cut off or altered" if is_last else "altered"
            raise BadBackup(f"{what} after byte {at:,}") from exc


def _nonce(prefix: bytes, number: int, *, is_last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([is_last])
