"""`aggregator rollout entrust`: whether the region may say what our boxes run, by the word of our own root.

Our boxes believe our root alone. It grants the keys of the region's servers SETTINGS for this city: those that the
region's own root, which this city pinned when it joined, grants that role. A key that the region takes into use later
is granted by running it again; `aggregator trust withdraw KEY --role settings` takes it back, and with it what boxes
run by that key's word.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from aggregator.adapters import federation_link
from aggregator.adapters.trust_file import read_trust
from aggregator.cli import trust
from aggregator.cli.console import AsJson, Cell, Config, say, settings_of, show_rows
from aggregator.core import trust_ledger
from aggregator.errors import BadInput, NotThere
from protocol.clock import from_ms, to_ms
from protocol.trust import Grant, Role, TrustStore

_NO_ROOT: Final = trust.Root()
_COLUMNS: Final = ("step", "subject", "until", "key_id")


def entrust(
    *,
    days: Annotated[int, Parameter(help="How long it holds.", validator=Number(gte=1))] = 365,
    root: trust.RootOptions = _NO_ROOT,
    json: AsJson = False,
    config: Config = None,
) -> None:
    """In a city: shows the keys under which the region would say what our boxes run; with our root, lets it."""
    settings, now = settings_of(config), datetime.now(UTC)
    link = federation_link.read(settings)
    if link is None:
        raise NotThere(f"{settings.city} is not linked to a region; see: aggregator federation join")
    region, city, at_ms = link.facts.region, settings.city, to_ms(now)
    keys = {
        g.spki: g for g in link.trust().grants if g.role is Role.SETTINGS and g.covers(city) and g.is_current(at_ms)
    }
    if not keys:
        raise BadInput(f"{region} grants none of its servers `settings`; have it run: aggregator trust upgrade")
    store, valid = read_trust(settings.keys), timedelta(days=days)
    held = {spki: _held(store, grant, city, now + valid / 2) for spki, grant in keys.items()}
    new = [
        trust_ledger.make_grant(Role.SETTINGS, spki, region, now=now, valid=valid, cities=(city,))
        for spki, grant in held.items()
        if grant is None
    ]
    show_rows(_COLUMNS, [_line("held", g) for g in held.values() if g] + [_line("grant", g) for g in new], as_json=json)
    if root == _NO_ROOT:
        say(f"to let {region} say what boxes of {city} run: the same with the root's options (docs/rollout.md)")
    elif not new:
        say("nothing to sign: they are granted it already")
    else:
        trust.put_in_force(settings.keys, store, trust_ledger.granted(store, new, now=now), root, now)


def _held(store: TrustStore, theirs: Grant, city: str, until: datetime) -> Grant | None:
    """Our root's grant of a key of theirs, if it holds for a good while yet."""
    return store.find(Role.SETTINGS, theirs.key_id, city=city, at_ms=to_ms(until))


def _line(step: str, grant: Grant) -> tuple[Cell, ...]:
    return step, grant.subject, from_ms(grant.not_after_ms).date(), grant.key_id.hex()
