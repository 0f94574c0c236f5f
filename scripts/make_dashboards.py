"""Write the Grafana dashboards of `deploy/grafana/dashboards` from `scripts/dashboards`.

python scripts/make_dashboards.py          writes them
python scripts/make_dashboards.py --check  1 if one is not what would be written
"""

import json
import sys
from pathlib import Path
from typing import Final

from dashboards import camera_health, operations, reactions, traffic
from dashboards.panel import Dashboard, written

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = ROOT / "deploy" / "grafana" / "dashboards"
DASHBOARDS: Final = (
    operations.DASHBOARD,
    camera_health.DASHBOARD,
    reactions.DASHBOARD,
    traffic.DASHBOARD,
)


def text_of(dashboard: Dashboard) -> str:
    """The file's text."""
    return json.dumps(written(dashboard), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write, or look."""
    stale = 0
    for dashboard in DASHBOARDS:
        path, text = FOLDER / f"{dashboard.uid.removeprefix('atalaya-')}.json", text_of(dashboard)
        if "--check" in arguments:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                print(f"{path.relative_to(ROOT)} is not what scripts/make_dashboards.py writes", file=sys.stderr)
                stale = 1
        else:
            path.write_text(text, encoding="utf-8")
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
