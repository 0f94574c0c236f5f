"""What became of each box, asked of both sides: its own disk, and the command centre's database.

A box is enrolled if its identity can be used, its key is the device's one live key, that key has one certificate, the
one on the box, its invitation is used, and one row of the audit says so. It is half enrolled if only one side thinks
that it is, or if anything is there twice. Else it is not enrolled.
"""

from enum import Enum, unique

from cryptography import x509

from aggregator.adapters.database import Pool
from edge_agent.adapters.keystore import CERTIFICATE, load_enrolment
from edge_agent.errors import BadIdentity, NotEnrolled
from enrolling.box import Box

_SERVER = """
SELECT (SELECT count(*) FROM device_key k WHERE k.device_id = $1 AND k.revoked_at IS NULL) AS keys,
       (SELECT count(*) FROM device_certificate JOIN device_key USING (key_id) WHERE device_id = $1) AS certificates,
       (SELECT max(encode(k.key_id, 'hex')) FROM device_key k WHERE k.device_id = $1) AS key,
       (SELECT max(k.serial) FROM device_key k WHERE k.device_id = $1) AS serial,
       (SELECT count(*) FROM invitation i WHERE i.device_id = $1 AND i.certified_at IS NOT NULL) AS used,
       (SELECT count(*) FROM audit a WHERE a.action = 'device.enrol' AND a.subject LIKE 'device:' || $1 || ' %') AS rows
"""


@unique
class Verdict(Enum):
    """What became of a box."""

    ENROLLED = "enrolled"
    HALF = "half enrolled"
    NOT = "not enrolled"


async def judge(box: Box, pool: Pool) -> Verdict:
    """Hold both sides to each other."""
    row = await pool.fetchrow(_SERVER, box.device)
    there = dict(row) if row else {}
    here = _identity(box)
    if here is None:
        return Verdict.HALF if there["keys"] or there["used"] or there["rows"] else Verdict.NOT
    once = {"keys": 1, "certificates": 1, "used": 1, "rows": 1}
    return Verdict.ENROLLED if there == once | {"key": here[0], "serial": here[1]} else Verdict.HALF


def _identity(box: Box) -> tuple[str, str] | None:
    """The key and the certificate of an identity that can be used."""
    try:
        enrolment = load_enrolment(box.identity)
    except NotEnrolled:
        return None
    except BadIdentity:
        return "", ""
    certificate = x509.load_pem_x509_certificate((box.identity / CERTIFICATE).read_bytes())
    return enrolment.signer.public_key.key_id.hex(), f"{certificate.serial_number:x}"
