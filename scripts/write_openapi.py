"""Write docs/openapi.json: the description of the HTTP API, made of the catalogue.

.venv/bin/python scripts/write_openapi.py [--check]
"""

import json
import sys
from pathlib import Path

from aggregator.http.api.openapi import document

OPENAPI = Path(__file__).resolve().parent.parent / "docs" / "openapi.json"


def text() -> str:
    """The document as it is committed."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write the file, or with --check say whether it is up to date."""
    if "--check" in arguments:
        if OPENAPI.read_text(encoding="utf-8") != text():
            sys.stderr.write("docs/openapi.json is not what the code says: run scripts/write_openapi.py\n")
            return 1
        return 0
    OPENAPI.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
