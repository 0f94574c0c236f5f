"""What the site says and what the region says, put together: the layers of a box's settings.

1. Some keys only the site knows: where its files lie, its cameras, what hangs on its wires. They come from the local
   file, and no document may name them.
2. The others (`SIGNED`) may be signed. Once a box has a document, they come from it alone: what its `settings_toml`
   says, over what its profile says, over the defaults. The local file's word on them is passed over, and told: a box
   never runs what its region did not sign. Until there is a document the local file speaks for all.
3. A document that names a key it may not, or one that does not exist, is refused whole.

Layers are trees of a TOML file; what a key may hold is judged once, on the outcome, by `edge_agent.settings`.
"""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from edge_agent.core.profiles import Profile, parse_profile
from edge_agent.errors import BadSettings
from protocol.settings import SettingsDocument

Tree: TypeAlias = dict[str, Any]
"""A TOML file's tables; `Any`, since msgspec judges the values later."""

SIGNED: Final = frozenset(
    (
        *("report_interval_s", "face_count_interval_s"),
        *(f"inference.{key}" for key in ("stack", "device", "precision", "threads")),
        *(f"inference.{key}" for key in ("plate_side_px", "workers", "quantized")),
        *(f"outbox.{key}" for key in ("max_rows", "max_mb", "max_dead_letters")),
        *(f"delivery.{key}" for key in ("resend_first_s", "resend_most_s", "reconnect_first_s", "reconnect_most_s")),
        *(f"delivery.{key}" for key in ("keepalive_s", "urgent_window", "ordinary_window", "piece_window")),
        "delivery.stop_drain_s",
        *(f"evidence.{key}" for key in ("redacted_quality", "original_quality", "max_pending")),
        *(f"lookback.{key}" for key in ("minutes", "max_mb")),
        *(f"renewal.{key}" for key in ("due_share", "late_share", "check_interval_s", "spread_s")),
        *(f"renewal.{key}" for key in ("retry_first_s", "retry_most_s")),
        *(f"scenes.{key}" for key in ("every_s", "begin_s", "end_s", "picture_every_s")),
        *(f"camera_events.{key}" for key in ("wanted", "topics", "settle_s", "merge_s", "most_per_minute")),
    )
)
"""Keys that a document may say. `profile` is said by its own field; every other key is the site's."""
PROFILE: Final = "profile"


def layered(local: Mapping[str, Any], document: SettingsDocument) -> Tree:
    """The tree of a box under a document; raises `BadSettings` or `BadProfile`."""
    merged = site_layer(local)
    said = dict(_leaves(said_by(document)))
    unfit = sorted(set(said) - SIGNED)
    if unfit:
        raise BadSettings(f"{', '.join(unfit)}: not for a document to say; docs/settings.md lists what is")
    for key, value in (*_leaves(_profile_layer(document)), *said.items()):
        _set(merged, key, value)
    return merged


def site_layer(local: Mapping[str, Any]) -> Tree:
    """What only the site can say, of its file."""
    tree: Tree = {}
    for key, value in _leaves(local):
        if key not in SIGNED and key != PROFILE:
            _set(tree, key, value)
    return tree


def said_by(document: SettingsDocument) -> Tree:
    """The tree of a document's settings; raises `BadSettings`."""
    try:
        return tomllib.loads(document.settings_toml)
    except tomllib.TOMLDecodeError as exc:
        raise BadSettings(f"settings document {document.number}: not TOML: {exc}") from exc


def profile_of(document: SettingsDocument) -> Profile | None:
    """The profile in a document, if it brings one; raises `BadProfile`."""
    if not document.profile_toml:
        return None
    return parse_profile(document.profile_toml, f"profile of settings document {document.number}")


def passed_over(local: Mapping[str, Any]) -> tuple[str, ...]:
    """Keys of the local file that do not count beside a document."""
    return tuple(sorted(key for key, _ in _leaves(local) if key in SIGNED or key == PROFILE))


def is_same(one: SettingsDocument, other: SettingsDocument) -> bool:
    """Whether two documents make a box run the same."""
    return (one.profile, one.profile_toml, one.settings_toml) == (
        other.profile,
        other.profile_toml,
        other.settings_toml,
    )


def _profile_layer(document: SettingsDocument) -> Tree:
    """What a profile says of a box's settings; the rest of it is for the doctor, and for when the box is hot."""
    profile = profile_of(document)
    if profile is None:
        return {}
    inference = profile.inference
    return {
        "inference": {
            "device": inference.device,
            "precision": inference.precision,
            "threads": inference.threads,
            "plate_side_px": inference.plate_side_px,
            "stack": inference.stack,
        },
        "outbox": {"max_mb": profile.disk.outbox_mb},
        "lookback": {"max_mb": profile.memory.lookback_mb},
    }


def _leaves(tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Keys of a tree with their values, two levels deep: below that a table is a value."""
    for key, value in tree.items():
        if isinstance(value, dict) and key != PROFILE:
            yield from ((f"{key}.{inner}", each) for inner, each in value.items())
        else:
            yield key, value


def _set(tree: Tree, key: str, value: object) -> None:
    table, _, inner = key.rpartition(".")
    (tree.setdefault(table, {}) if table else tree)[inner] = value
