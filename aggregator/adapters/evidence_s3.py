"""Evidence in an S3-compatible bucket: an object per picture, named by the SHA-256 of its bytes.

The SHA-256 goes along with each write, for stores that hold what they got to it; what is read is held to it here. An
object that is there already is not sent again. The keys come from files, never from the environment nor from the cloud
that the machine runs in, and nothing but TLS is spoken except on loopback. Versioning and object lock are the bucket's
business: with a lock, a purge waits until the lock ends.
"""

import base64
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from aggregator.adapters import keyfiles
from aggregator.errors import AggregatorError, BadSettings, NotThere
from aggregator.settings import Evidence

_ABSENT: Final = frozenset({"404", "NoSuchKey", "NotFound"})
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_CONNECT_S: Final = 5
_READ_S: Final = 60
_ATTEMPTS: Final = 3


class StoreAway(AggregatorError, OSError):
    """The store does not answer, or refuses. An OSError too: who puts work off while a disk is full does so here."""


@dataclass(frozen=True, slots=True)
class EvidenceBucket:
    """The bucket. `client` is boto3's, which threads may share (`Any`: it has no types of its own)."""

    client: Any = field(repr=False)
    bucket: str
    prefix: str = ""

    def name(self, sha256: bytes) -> str:
        """A picture's object."""
        digits = sha256.hex()
        return f"{self.prefix}{digits[:2]}/{digits}"

    def write(self, sha256: bytes, data: bytes) -> None:
        """Put a picture there, and return when the store has it."""
        if self.has(sha256, len(data)):
            return
        checksum = base64.b64encode(sha256).decode()
        self._do("put_object", sha256, Body=data, ContentLength=len(data), ChecksumSHA256=checksum)

    def read(self, sha256: bytes) -> bytes:
        """A picture's bytes, checked; raises `NotThere`."""
        try:
            answer = self.client.get_object(Bucket=self.bucket, Key=self.name(sha256))
            with answer["Body"] as body:
                data = bytes(body.read())
        except ClientError as exc:
            if _code(exc) in _ABSENT:
                raise NotThere(f"evidence {sha256.hex()} is not in the bucket {self.bucket}") from None
            raise self._away(exc) from exc
        except (BotoCoreError, OSError) as exc:
            raise self._away(exc) from exc
        if hashlib.sha256(data).digest() != sha256:
            raise NotThere(f"evidence {sha256.hex()} was altered in the bucket: restore the object from a backup")
        return data

    def has(self, sha256: bytes, size: int) -> bool:
        """Whether a picture of this length is there. Its bytes are not looked at."""
        try:
            answer = self.client.head_object(Bucket=self.bucket, Key=self.name(sha256))
        except ClientError as exc:
            if _code(exc) in _ABSENT:
                return False
            raise self._away(exc) from exc
        except BotoCoreError as exc:
            raise self._away(exc) from exc
        return bool(answer["ContentLength"] == size)

    def remove(self, sha256: bytes) -> None:
        """Take a picture out of the bucket, if it is there."""
        self._do("delete_object", sha256)

    def _do(self, operation: str, sha256: bytes, **parameters: object) -> None:
        try:
            getattr(self.client, operation)(Bucket=self.bucket, Key=self.name(sha256), **parameters)
        except (ClientError, BotoCoreError) as exc:
            raise self._away(exc) from exc

    def _away(self, exc: Exception) -> StoreAway:
        what = _code(exc) if isinstance(exc, ClientError) else type(exc).__name__
        return StoreAway(f"the evidence store (bucket {self.bucket}) said {what}")


def bucket_of(settings: Evidence) -> EvidenceBucket:
    """The bucket that the settings name; raises `BadSettings` or `NotThere`."""
    endpoint, bucket = settings.endpoint, settings.bucket
    key_file, secret_file = settings.access_key_file, settings.secret_key_file
    if endpoint is None or bucket is None or key_file is None or secret_file is None:
        raise BadSettings("evidence.store is s3: set evidence.endpoint, bucket, access_key_file and secret_key_file")
    where = urlsplit(endpoint)
    if where.scheme != "https" and where.hostname not in _LOOPBACK:
        raise BadSettings(f"evidence.endpoint {endpoint}: pictures travel over https only")
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint,
        region_name=settings.region,
        aws_access_key_id=_line(key_file),
        aws_secret_access_key=_line(secret_file),
        verify=None if settings.ca is None else str(settings.ca),
        config=Config(
            connect_timeout=_CONNECT_S,
            read_timeout=_READ_S,
            retries={"max_attempts": _ATTEMPTS, "mode": "standard"},
            s3={"addressing_style": "path"},
            proxies={},
            # Nothing but what S3 has always had: not every store knows the newer checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
    return EvidenceBucket(client, bucket, settings.prefix)


def _line(file: Path) -> str:
    """A file's only line."""
    return keyfiles.read_file(file).decode().strip()


def _code(exc: ClientError) -> str:
    """What the store answered; never the rest, which may quote a request."""
    return str(exc.response.get("Error", {}).get("Code", "an error"))
