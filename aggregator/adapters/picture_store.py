"""Where pictures lie: the port that disk and S3 fill, and the choice between them.

A picture is named by the SHA-256 of its bytes. A store gives back the bytes of that name or nothing, and what a write
has put there outlives a crash once the write has returned.
"""

from typing import Protocol

from aggregator.adapters.evidence_files import EvidenceFiles
from aggregator.errors import BadSettings
from aggregator.settings import Settings


class PictureStore(Protocol):
    """Pictures by their hash. Calls block: await them in a thread."""

    def write(self, sha256: bytes, data: bytes) -> None:
        """Put a picture there to stay; what is there already stays as it is."""
        ...

    def read(self, sha256: bytes) -> bytes:
        """A picture's bytes, checked; raises `NotThere`."""
        ...

    def has(self, sha256: bytes, size: int) -> bool:
        """Whether a picture of this length is there. Its bytes are not looked at."""
        ...

    def remove(self, sha256: bytes) -> None:
        """Take a picture away, if it is there, for good."""
        ...


def pictures_of(settings: Settings) -> PictureStore:
    """The store that the settings name; raises `BadSettings`."""
    if settings.evidence.store == "disk":
        return EvidenceFiles(settings.evidence_dir)
    try:
        from aggregator.adapters import evidence_s3  # noqa: PLC0415  boto3 comes with the extra `s3` only
    except ModuleNotFoundError as exc:
        raise BadSettings("evidence.store is s3, and boto3 is not installed: install the extra `s3`") from exc
    return evidence_s3.bucket_of(settings.evidence)
