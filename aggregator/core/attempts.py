"""How often somebody may try: so many attempts a minute for each name, an address or an invitation, and no more.

A name that has been quiet for a minute may spend its whole minute at once; from then on attempts come back evenly (the
generic cell rate algorithm: one instant is kept for each name). The number of names is bounded: those that are at rest
go first, then the ones seen longest ago, so that a flood of addresses costs a flood and not our memory.
"""

from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Final

_MINUTE_S: Final = 60.0
_PREFIX_BITS: Final = 64  # what one customer of an IPv6 network holds


@dataclass(slots=True)
class Attempts:
    """The attempts of all names. `at_rest_s` of a name is when its whole minute is free again."""

    per_minute: int
    most_names: int = 10_000
    _at_rest_s: dict[str, float] = field(default_factory=dict)

    def wait_s(self, name: str, now_s: float) -> float:
        """0 if a name may try now, and the attempt is counted; else how long it must wait."""
        each_s = _MINUTE_S / self.per_minute
        at_rest_s = max(self._at_rest_s.pop(name, now_s), now_s)
        over_s = at_rest_s + each_s - (now_s + _MINUTE_S)
        is_admitted = over_s <= 0
        self._make_room(now_s)
        self._at_rest_s[name] = at_rest_s + each_s if is_admitted else at_rest_s
        return 0.0 if is_admitted else over_s

    def _make_room(self, now_s: float) -> None:
        if len(self._at_rest_s) < self.most_names:
            return
        self._at_rest_s = {name: at_s for name, at_s in self._at_rest_s.items() if at_s > now_s}
        while len(self._at_rest_s) >= self.most_names:
            del self._at_rest_s[next(iter(self._at_rest_s))]


def name_of_address(address: str) -> str:
    """Who is counted for an address: an IPv6 customer has a whole network of them."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return f"{IPv6Address(int(parsed) >> _PREFIX_BITS << _PREFIX_BITS)}/{_PREFIX_BITS}"
    return str(parsed)
