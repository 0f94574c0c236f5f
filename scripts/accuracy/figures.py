"""The last line: what a machine keeps of a run.

Errors are folded, and of the vote of all looks, as `edge-agent read` reads; `read_ms` is what that vote takes. Where
our own models did not run, the first stack that did gives the figures; a figure that the run has no pictures for is
null. The speedup is the ready stack's time from picture to text over ours, one look each, in the same run at the same
precision; null unless both ran.
"""

from typing import Final

from accuracy.answers import score, voted
from accuracy.rendered import Rendered, exact
from accuracy.run import Run

GROUPS: Final = ("scenes_eu", "scenes_br", "crops_us")
Figure = int | float | None


def figures(run: Run, rendered: dict[str, list[Rendered]]) -> dict[str, Figure]:
    """Exactly the keys that are asked for."""
    stack = "own" if "own" in run.answers else next(iter(run.answers))
    found: dict[str, Figure] = {}
    for group in GROUPS:
        errors = score(run.of(voted(stack), group)).folded
        found |= {f"{group}_errors": errors.errors, f"{group}_n": errors.n}
    plates = exact(rendered.get(voted(stack), ()))
    return found | {
        "mx_rendered_exact": round(1 - plates.share, 4) if plates.n else None,
        "detect_ms": _rounded(run.clock.median_cpu_ms(f"{stack} detect")),
        "read_ms": _rounded(run.clock.median_cpu_ms(f"{stack} vote")),
        "speedup_equal_precision": speedup(run),
    }


def speedup(run: Run) -> float | None:
    """How many times as fast we are from picture to text."""
    ready, own = (_picture_ms(run, name) for name in ("ready", "own"))
    return round(ready / own, 2) if ready and own else None


def _picture_ms(run: Run, stack: str) -> float:
    return run.clock.median_cpu_ms(f"{stack} detect") + run.clock.median_cpu_ms(f"{stack} read")


def _rounded(value_ms: float) -> float | None:
    return round(value_ms, 2) if value_ms else None
