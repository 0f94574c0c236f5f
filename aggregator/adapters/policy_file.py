"""The region's policy of who sees what, from the file that the settings name; without one, what the program has.

A running region takes a changed file by itself. One that was written within the last moment may be half written, and a
half may let see more than the whole: it is not looked at yet. One that is broken changes nothing.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from aggregator.core.visibility import Policy, parse_policy
from aggregator.errors import BadInput, BadSettings
from aggregator.settings import Settings

SETTLED_AFTER: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A policy, and the text that it stands in; no text: there is no file."""

    policy: Policy = field(default_factory=Policy)
    text: str = ""

    @property
    def sha256(self) -> bytes:
        """Of the file."""
        return sha256(self.text.encode()).digest()


@dataclass(slots=True)
class InForce:
    """What a running region judges by: replaced whole, by whoever keeps it (`NoticeMaker.apply`)."""

    file: PolicyFile = field(default_factory=PolicyFile)

    @property
    def policy(self) -> Policy:
        """The policy of this moment."""
        return self.file.policy


def policy_of(settings: Settings) -> PolicyFile:
    """The policy of an installation; raises `BadSettings`."""
    path = settings.federation.policy
    if path is None:
        return PolicyFile()
    try:
        text = path.read_text(encoding="utf-8")
        return PolicyFile(parse_policy(text), text)
    except (OSError, UnicodeDecodeError) as exc:
        raise BadSettings(f"{path} cannot be read ({exc}); federation.policy names it") from exc
    except BadInput as exc:
        raise BadSettings(f"{path}: {exc}") from exc


def changed(settings: Settings, held: PolicyFile, *, now: datetime) -> PolicyFile | None:
    """The file's policy, if it is another than the one held and is not being written just now; raises `BadSettings`."""
    path = settings.federation.policy
    if path is None:
        return None
    try:
        written_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError as exc:
        raise BadSettings(f"{path} cannot be read ({exc}); federation.policy names it") from exc
    if timedelta() <= now - written_at < SETTLED_AFTER:
        return None
    found = policy_of(settings)
    return None if found.text == held.text else found
