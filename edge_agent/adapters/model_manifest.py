"""What is said of a model, and who vouches for it.

Rules
- A manifest is JSON that people can read and `diff`. Its signature is a file of its own beside it: Ed25519 (RFC 8032)
  over the manifest's bytes as they lie there, 64 bytes, so that `openssl pkeyutl -verify -rawin` checks it without us.
- The signature is checked over the bytes that were read, and only then are they decoded. Until then nothing in them is
  believed, but the name of a signer that is not trusted is shown to whoever has to find out.
- `format` stands in the signed bytes: a manifest passes for nothing else, and nothing else for a manifest. No COSE
  structure of the protocol begins with a brace, so even a key that is used for both cannot be turned against the other.
- A folder's index says which version of each model belongs to it. Without it, one old model could be put back among new
  ones: its manifest is signed as well as theirs.
- A model says what it must not be used for. One that does not is not signed.
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeAlias, TypeVar

import msgspec

from edge_agent.errors import BadModelFile, BadSettings, UntrustedModel
from protocol.errors import DecodeError
from protocol.fields import Id, Ordinal
from protocol.keys import Algorithm, PublicKey, Signer

MODEL_FORMAT: Final = "atalaya-model/1"
INDEX_FORMAT: Final = "atalaya-model-index/1"

Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
Sha256: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
KeyName: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
Version: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,6}(\.[0-9]{1,6}){0,3}\Z")]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of what stands in a manifest."""


class ModelCard(Part, frozen=True, kw_only=True):
    """What is known of any model, whoever vouches for it."""

    name: Id
    version: str
    source: str
    """Where the weights come from: a package and the file in it, or what taught them."""
    licence: str
    input: str
    graph_sha256: Sha256
    weights_sha256: Sha256
    characters: tuple[str, ...] = ()
    """Symbols of a text reader in the order of its outputs, the blank first."""
    classes: tuple[str, ...] = ()
    """What a detector finds, in the order of its outputs."""
    not_for: tuple[str, ...] = ()
    """What it must not be used for."""


class ModelEntry(ModelCard, frozen=True, kw_only=True):
    """A model that others published, as `scripts/fetch_models.py` makes it: pins in the code vouch for it."""

    source_sha256: Sha256


class Training(Part, frozen=True, kw_only=True):
    """How weights of our own came about, so that somebody else can make them again."""

    data: Text
    seed: int
    command: Text
    images_seen: int = 0
    minutes: float = 0.0
    parameters: int = 0


class ModelManifest(ModelCard, frozen=True, kw_only=True):
    """A model of our own, or of a state's own: a signature vouches for it."""

    format: Literal["atalaya-model/1"]
    version: Version
    source: Text
    licence: Text
    purpose: str = ""
    input: Text
    output: str = ""
    not_for: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]
    training: Training
    metrics: Annotated[dict[Text, int | float], msgspec.Meta(min_length=1)]
    metrics_on: Text
    signed_by: KeyName


class ModelIndex(Part, frozen=True, kw_only=True):
    """Which version of which model belongs to a folder. `number` rises with every signing."""

    format: Literal["atalaya-model-index/1"]
    number: Ordinal
    models: dict[Id, Version]
    signed_by: KeyName


_Signed = TypeVar("_Signed", ModelManifest, ModelIndex)


class _Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What an unverified document says of its signer."""

    signed_by: str = ""


@dataclass(frozen=True, slots=True)
class Signers:
    """The keys whose signature under a model counts."""

    keys: tuple[PublicKey, ...]

    @classmethod
    def of(cls, lines: Iterable[str]) -> "Signers":
        """Take public keys as `key_line` writes them; raises `BadSettings`."""
        return cls(tuple(_key_of(line) for line in lines))

    def signer_of(self, data: bytes, signature: bytes) -> PublicKey | None:
        """Which of the keys signed this, if any did."""
        return next((key for key in self.keys if key.verifies(signature, data)), None)


def key_line(key: PublicKey) -> str:
    """A public key as it stands in settings and in the pin: its SubjectPublicKeyInfo in base64."""
    return base64.b64encode(key.spki).decode()


def key_name(key: PublicKey) -> str:
    """What manifests call a key: its id, in hexadecimal."""
    return key.key_id.hex()


def version_order(version: str) -> tuple[int, ...]:
    """What versions are compared by: 1.10 comes after 1.9."""
    return tuple(int(part) for part in version.split("."))


def signed(value: ModelManifest | ModelIndex, signer: Signer) -> tuple[bytes, bytes]:
    """A document as it is written down, and the signature over it; it must name its signer."""
    if value.signed_by != key_name(signer.public_key):
        raise ValueError("a manifest that names another signer")
    data = msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"
    return data, signer.sign(data)


def open_signed(data: bytes, signature: bytes, signers: Signers, kind: type[_Signed], file: str) -> _Signed:
    """Decode a document that one of the signers signed; raises `UntrustedModel` or `BadModelFile`, naming the file."""
    key = signers.signer_of(data, signature)
    if key is None:
        raise _why_not(data, signers, file)
    try:
        value = msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError) as exc:
        raise BadModelFile(f"{file} is signed, and not in a form this program reads; upgrade the program") from exc
    if value.signed_by != key_name(key):
        raise UntrustedModel(f"{file} names another signer than the one who signed it: sign it anew", "bad-signature")
    return value


def _why_not(data: bytes, signers: Signers, file: str) -> UntrustedModel:
    try:
        claimed = msgspec.json.decode(data, type=_Claim).signed_by
    except (msgspec.DecodeError, RecursionError):
        claimed = ""
    if claimed in {key_name(key) for key in signers.keys}:
        return UntrustedModel(
            f"{file} is not what was signed: a bit of it or of its .sig has changed; install it anew", "bad-signature"
        )
    return UntrustedModel(
        f"{file} is signed by {claimed[:32]!r}, whom this box does not trust: if that key is yours, name it in "
        "inference.model_signers; else install it anew from where it should come from",
        "unknown-signer",
    )


def _key_of(line: str) -> PublicKey:
    try:
        key = PublicKey.from_spki(base64.b64decode(line, validate=True))
    except (binascii.Error, ValueError, DecodeError) as exc:
        raise BadSettings(
            "inference.model_signers: not a public key as `scripts/sign_models.py new-key` prints it"
        ) from exc
    if key.algorithm is not Algorithm.ED25519:
        raise BadSettings("inference.model_signers: models are signed by Ed25519 keys only")
    return key
