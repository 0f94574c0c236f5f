"""Where the boxes of a state stand: its cities, their points, three or four cameras to a point.

The cities are those of the plan (11 in one state, the larger ones with more points). Names of points and devices carry
their city's, since a region knows them all. The same numbers give the same state.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

from stack.process import StackError

from protocol.order import Identity
from protocol.roster import MAX_CAMERAS

# City, latitude, longitude, and what share of the points it has beside the others.
_PLACES: Final[tuple[tuple[str, float, float, float], ...]] = (
    ("saltillo", 25.423, -100.995, 88),
    ("torreon", 25.543, -103.406, 72),
    ("monclova", 26.907, -101.421, 40),
    ("piedras-negras", 28.700, -100.523, 34),
    ("acuna", 29.324, -100.931, 30),
    ("ramos-arizpe", 25.540, -100.947, 26),
    ("matamoros", 25.528, -103.228, 20),
    ("san-pedro", 25.757, -102.983, 18),
    ("frontera", 26.927, -101.449, 16),
    ("sabinas", 27.861, -101.117, 14),
    ("parras", 25.440, -102.178, 12),
)
MOST_CITIES: Final = len(_PLACES)
_SPREAD_DEG: Final = 0.05  # some five kilometres around the centre
_FEWEST_CAMERAS: Final = 3


@dataclass(frozen=True, slots=True)
class Site:
    """A point and what stands there."""

    who: Identity
    name: str
    latitude: float
    longitude: float
    cameras: tuple[str, ...]


def lay_out(cities: int, points: int, cameras: int | None = None, *, seed: int = 1) -> dict[str, tuple[Site, ...]]:
    """The sites of each city. Without a number of cameras a point has three or four by turns.

    Raises `StackError` for a state that there cannot be.
    """
    if not 1 <= cities <= MOST_CITIES:
        raise StackError(f"{cities} cities: want 1 to {MOST_CITIES}")
    if points < cities:
        raise StackError(f"{points} points for {cities} cities: want a point for each city at least")
    if cameras is not None and not points <= cameras <= points * MAX_CAMERAS:
        raise StackError(f"{cameras} cameras at {points} points: want 1 to {MAX_CAMERAS} at each")
    rng, numbers = Random(seed), _cameras(points, cameras)
    sites = {}
    for place, count in zip(_PLACES, _shares(cities, points), strict=False):
        taken, numbers = numbers[:count], numbers[count:]
        sites[place[0]] = tuple(_site(place, number, of, rng) for number, of in enumerate(taken, 1))
    return sites


def _site(place: tuple[str, float, float, float], number: int, cameras: int, rng: Random) -> Site:
    city, latitude, longitude, _ = place
    return Site(
        who=Identity(device=f"{city}-box-{number:04}", city=city, point=f"{city}-p-{number:04}"),
        name=f"Cruce {number} de {city.replace('-', ' ').title()}",
        latitude=round(latitude + rng.uniform(-_SPREAD_DEG, _SPREAD_DEG), 5),
        longitude=round(longitude + rng.uniform(-_SPREAD_DEG, _SPREAD_DEG), 5),
        cameras=tuple(f"cam-{at}" for at in range(1, cameras + 1)),
    )


def _shares(cities: int, points: int) -> list[int]:
    """How many points each city has: by its share, one at least, and together as many as were asked for."""
    places = _PLACES[:cities]
    total = sum(place[3] for place in places)
    exact = [1 + (points - cities) * place[3] / total for place in places]
    counts = [int(each) for each in exact]
    by_rest = sorted(range(cities), key=lambda at: counts[at] - exact[at])
    for at in by_rest[: points - sum(counts)]:
        counts[at] += 1
    return counts


def _cameras(points: int, cameras: int | None) -> list[int]:
    """How many cameras each point has, as even as can be; the points with one more are spread over the cities."""
    total = points * _FEWEST_CAMERAS + points // 2 if cameras is None else cameras
    return [total * (at + 1) // points - total * at // points for at in range(points)]
