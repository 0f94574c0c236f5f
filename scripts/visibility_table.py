"""Write the matrix of docs/federation.md: what one city sees of another, by the policy that holds without a file.

.venv/bin/python scripts/visibility_table.py [--check]

A test puts a hit through a running region for each row and holds what came to it.
"""

import sys
from pathlib import Path

from aggregator.core.visibility import Corridor, Policy, Sight, What, seen_by

PAGE = Path(__file__).resolve().parent.parent / "docs" / "federation.md"
BEGIN = "<!-- begin of what scripts/visibility_table.py writes -->\n"
END = "<!-- end of what scripts/visibility_table.py writes -->"
# Cities beside each other on one road: each reason can be asked about.
OWNER, VIEWER = "saltillo", "torreon"
POLICY = Policy(neighbours={OWNER: (VIEWER,)}, corridors=(Corridor(name="40", cities=(OWNER, VIEWER)),))
WHO = {
    What.HOTLIST: ("every city", "its boxes look for the vehicle"),
    What.ASKED: ("the city whose entry was hit", "the vehicle was seen"),
    What.NEIGHBOUR: ("a neighbour of the city that saw it", "the vehicle was seen"),
    What.CORRIDOR: ("a city on a corridor with the one that saw it", "the vehicle was seen"),
}
HEAD = (
    "| who | `what` | what is told | by default | city, camera, time, reason | entry | plate | picture |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


def table() -> str:
    """The matrix as Markdown."""
    own = ["the city that saw it", "", "all of it: it is its own", "", "yes", "yes", "yes", "yes"]
    others = [[*_row(what, seen_by(POLICY, VIEWER, OWNER, what)), "no"] for what in What]
    rows = [own, *others, ["any other city", "", "nothing", "", "no", "no", "no", "no"]]
    return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(what: What, sight: Sight) -> list[str]:
    who, told = WHO[what]
    is_told, has_plate = sight is not Sight.NOTHING, sight is Sight.PLATE
    place = is_told and what is not What.HOTLIST
    names_entry = has_plate or (is_told and what is What.ASKED)
    answers = ("yes" if each else "no" for each in (place, names_entry, has_plate))
    return [who, f"`{what}`", told if is_told else "nothing", f"`{sight}`", *answers]


def main() -> int:
    """Write it, or with --check say whether it is there."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    written = f"{before}{BEGIN}{table()}{END}{after}"
    if "--check" in sys.argv[1:]:
        if text != written:
            print(f"{PAGE.name} is not what the policy says; run: scripts/visibility_table.py", file=sys.stderr)
        return 0 if text == written else 1
    PAGE.write_text(written, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
