"""The other side of test_cddl: a CDDL validator, run by its own environment's Python.

Reads one JSON object: a schema, and pairs of a rule's name and bytes as hex. Answers with a list: null for bytes that
conform to the rule, else the validator's words. Imports nothing of ours.
"""

import json
import sys

from pycddl import Schema, ValidationError  # type: ignore[import-not-found]  # lives in an environment of its own


def complaint(schema: str, rule: str, data: bytes) -> str | None:
    """What is wrong with the bytes, if anything."""
    try:
        Schema(f"root = {rule}\n{schema}").validate_cbor(data)
    except ValidationError as exc:
        return str(exc)
    return None


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump([complaint(asked["schema"], rule, bytes.fromhex(data)) for rule, data in asked["items"]], sys.stdout)
