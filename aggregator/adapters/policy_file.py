"""The region's policy of who sees what, from the file that the settings name; without one, what the program has."""

from dataclasses import dataclass, field

from aggregator.core.visibility import Policy, parse_policy
from aggregator.errors import BadInput, BadSettings
from aggregator.settings import Settings


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A policy, and the text that it stands in; no text: there is no file."""

    policy: Policy = field(default_factory=Policy)
    text: str = ""


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
