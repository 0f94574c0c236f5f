"""The other side of test_cose_interop: an independent COSE library, run by its own environment's Python.

Reads one JSON request a line, answers one JSON object a line. Imports nothing of ours.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

from cwt import COSE, COSEKey, Signer  # type: ignore[import-not-found]  # lives in an environment of its own


def verify(request: dict[str, Any]) -> dict[str, Any]:
    """The payload of COSE bytes that all of the keys given must have signed, or the library's refusal."""
    aad = bytes.fromhex(request["aad"])
    keys = [COSEKey.from_pem(k["pem"], kid=bytes.fromhex(k["kid"]), alg=k["alg"]) for k in request["keys"]]
    try:
        payloads = {COSE(verify_kid=True).decode(bytes.fromhex(request["raw"]), key, external_aad=aad) for key in keys}
    except Exception as exc:  # noqa: BLE001 (whatever the library raises is its refusal)
        return {"refused": f"{type(exc).__name__}: {exc}"}
    return {"payload": payloads.pop().hex()} if len(payloads) == 1 else {"refused": "different payloads"}


def sign(request: dict[str, Any]) -> dict[str, Any]:
    """A COSE_Sign1 by one key, or a COSE_Sign by several, with algorithm and key id in the protected header."""
    payload, aad = bytes.fromhex(request["payload"]), bytes.fromhex(request["aad"])
    keys = [COSEKey.from_pem(k["pem"], kid=bytes.fromhex(k["kid"]), alg=k["alg"]) for k in request["keys"]]
    headers = [{1: k["alg_number"], 4: bytes.fromhex(k["kid"])} for k in request["keys"]]
    cose = COSE()
    if request["several"]:
        signers = [Signer.new(key, protected=header) for key, header in zip(keys, headers, strict=True)]
        return {"raw": cose.encode_and_sign(payload, signers=signers, external_aad=aad).hex()}
    return {"raw": cose.encode_and_sign(payload, keys[0], protected=headers[0], external_aad=aad).hex()}


DEEDS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"verify": verify, "sign": sign}

if __name__ == "__main__":
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(DEEDS[asked["do"]](asked)), flush=True)
