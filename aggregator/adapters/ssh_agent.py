"""Officers' keys inside an ssh-agent: asked over its socket (draft-ietf-sshm-ssh-agent), the key never leaves it.

An ssh-ed25519 signature is plain Ed25519 over the data as given (RFC 8709), so it fits a COSE structure as it is. Keys
of other types are passed over, and hardware keys (`sk-ssh-ed25519`) are refused by name: FIDO signs its own framing
of the data, not the data, so a box could not check it as it stands.
"""

import base64
import hashlib
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from aggregator.errors import BadKey
from protocol.keys import SIGNATURE_BYTES, PublicKey, spki_of

TIMEOUT_S: Final = 60.0
"""An agent may ask its user to confirm."""
MAX_ANSWER_BYTES: Final = 256 * 1024
_REQUEST_IDENTITIES: Final = 11
_IDENTITIES: Final = 12
_REQUEST_SIGNATURE: Final = 13
_SIGNATURE: Final = 14
_KEY_TYPE: Final = b"ssh-ed25519"
_HARDWARE_TYPE: Final = b"sk-ssh-ed25519@openssh.com"
HARDWARE: Final = (
    "a hardware key (sk-ssh-ed25519) signs in FIDO's own framing, which boxes do not check yet; use an ssh-ed25519 key"
)


@dataclass(frozen=True, slots=True)
class AgentKey:
    """A key that an agent holds; a `Signer`."""

    socket_path: Path
    blob: bytes
    comment: str

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what this signs."""
        return public_key_of(self.blob)

    @property
    def fingerprint(self) -> str:
        """As `ssh-add -l` prints it."""
        return fingerprint_of(self.blob)

    def sign(self, data: bytes) -> bytes:
        """A signature of 64 bytes over the data; raises `BadKey` if the agent or its user refuses."""
        request = struct.pack(">B", _REQUEST_SIGNATURE) + _string(self.blob) + _string(data) + struct.pack(">I", 0)
        kind, answer = _ask(self.socket_path, request)
        if kind != _SIGNATURE:
            raise BadKey(f"the ssh-agent did not sign with {self.fingerprint}: refused, locked or not confirmed")
        (wrapped,) = _strings(answer, 1)
        algorithm, signature = _strings(wrapped, 2)
        if algorithm != _KEY_TYPE or len(signature) != SIGNATURE_BYTES:
            raise BadKey(f"the ssh-agent answered with a signature that is not {_KEY_TYPE.decode()}")
        return signature


def find_key(socket_path: Path, fingerprint: str | None = None) -> AgentKey:
    """The agent's key of a fingerprint, or its only ssh-ed25519 key; raises `BadKey`."""
    keys = list_keys(socket_path)
    if fingerprint is not None:
        keys = [key for key in keys if key.fingerprint == fingerprint]
    if any(_type_of(key.blob) == _HARDWARE_TYPE for key in keys) and fingerprint is not None:
        raise BadKey(HARDWARE)
    usable = [key for key in keys if _type_of(key.blob) == _KEY_TYPE]
    if len(usable) != 1:
        found = ", ".join(key.fingerprint for key in usable) or "none"
        raise BadKey(f"want one ssh-ed25519 key of the ssh-agent, found {found}; name it with --key FINGERPRINT")
    return usable[0]


def list_keys(socket_path: Path) -> list[AgentKey]:
    """Every key that the agent holds, of any type; raises `BadKey`."""
    kind, answer = _ask(socket_path, struct.pack(">B", _REQUEST_IDENTITIES))
    if kind != _IDENTITIES or len(answer) < 4:
        raise BadKey("the ssh-agent does not say which keys it holds")
    (count,) = struct.unpack_from(">I", answer)
    parts = _strings(answer[4:], 2 * count)
    return [
        AgentKey(socket_path, blob, comment.decode(errors="replace"))
        for blob, comment in zip(parts[::2], parts[1::2], strict=True)
    ]


def public_key_of(blob: bytes) -> PublicKey:
    """The key of an OpenSSH key blob; raises `BadKey` unless it is ssh-ed25519."""
    if _type_of(blob) == _HARDWARE_TYPE:
        raise BadKey(HARDWARE)
    parts = _strings(blob, 2)
    if parts[0] != _KEY_TYPE:
        raise BadKey(f"an officer's SSH key must be {_KEY_TYPE.decode()}, not {parts[0].decode(errors='replace')}")
    return PublicKey.from_spki(spki_of(Ed25519PublicKey.from_public_bytes(parts[1])))


def fingerprint_of(blob: bytes) -> str:
    """SHA-256 of a key blob, as OpenSSH writes it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _type_of(blob: bytes) -> bytes:
    return _strings(blob, 1)[0]


def _ask(socket_path: Path, request: bytes) -> tuple[int, bytes]:
    """One question to the agent: the kind of its answer, and what follows."""
    try:
        with socket.socket(socket.AF_UNIX) as agent:
            agent.settimeout(TIMEOUT_S)
            agent.connect(str(socket_path))
            agent.sendall(_string(request))
            (length,) = struct.unpack(">I", _receive(agent, 4))
            if not 0 < length <= MAX_ANSWER_BYTES:
                raise BadKey("the ssh-agent's answer is out of bounds")
            answer = _receive(agent, length)
    except OSError as exc:
        raise BadKey(f"the ssh-agent at {socket_path} does not answer: {exc}; is SSH_AUTH_SOCK right?") from exc
    return answer[0], answer[1:]


def _receive(agent: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        part = agent.recv(length - len(data))
        if not part:
            raise ConnectionResetError("it hung up")
        data += part
    return data


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _strings(data: bytes, count: int) -> list[bytes]:
    """The first strings of an SSH structure; raises `BadKey` if they are not there."""
    found, at = [], 0
    for _ in range(count):
        end = at + 4
        length = int.from_bytes(data[at:end], "big")
        if end + length > len(data) or end > len(data):
            raise BadKey("an SSH structure that ends too early")
        found.append(data[end : end + length])
        at = end + length
    return found
