"""What minor 1.1 added to the wire, one valid example of each, in the world of `protocol_samples`."""

from functools import cache
from typing import Final

from protocol_samples import samples, take_bundle, take_message
from protocol_samples_world import NOW_MS, OUTBOX, WHO, Sample, grant_of, grants, key

from protocol import messages as m
from protocol import point_messages as pm
from protocol.envelope import Context, envelope_hash
from protocol.order import Position, seal_message
from protocol.settings import (
    SettingsDocument,
    SettingsRefusal,
    Taken,
    check_settings,
    make_document,
    sign_settings,
)
from protocol.trust import Role, TrustRefusal, TrustStore, sign_bundle

LAST_TAKEN: Final = Taken(4, envelope_hash(b"the document that came before"))
_SHARP: Final = pm.SceneFigures(sharpness=1840, brightness=412, contrast=187, edges=94)
BODIES: Final[tuple[m.Body, ...]] = (
    pm.CameraCondition(
        camera="cam-2",
        condition=pm.Condition.MOVED,
        is_active=True,
        since_ms=NOW_MS - 4_000,
        before=_SHARP,
        after=pm.SceneFigures(sharpness=1210, brightness=398, contrast=179, edges=88, shift_px=212),
        before_jpeg=b"\xff\xd8before\xff\xd9",
        after_jpeg=b"\xff\xd8after\xff\xd9",
    ),
    pm.Acceptance(
        accepted_ms=NOW_MS,
        technician="Rosa Núñez",
        profile="generic-x86-64",
        verdict=pm.Verdict.WARN,
        checks=(
            pm.CheckResult(check="clock", verdict=pm.Verdict.PASS, value="12 ms"),
            pm.CheckResult(check="plate_px", verdict=pm.Verdict.WARN, value="84", camera="cam-1"),
        ),
        versions=("edge-agent 0.2.0",),
    ),
    pm.SettingsResult(
        number=4, rollout="r-0007", state=pm.SettingsState.ROLLED_BACK, reason="inference", note="GPU: not there"
    ),
)


def document() -> SettingsDocument:
    """A document for the test box."""
    return make_document(
        WHO,
        number=5,
        rollout="r-0008",
        created_ms=NOW_MS,
        profile=("generic-x86-64", 'name = "generic-x86-64"\n'),
        settings_toml='report_interval_s = 30.0\n\n[inference]\ndevice = "CPU"\n',
        trial_s=600,
    )


def bundle() -> bytes:
    """The test root's next bundle, which lets the server say what boxes run."""
    server = grant_of(Role.SETTINGS, key("server").public_key.spki, "saltillo-c4", ("saltillo",))
    return sign_bundle(8, (*grants(), server), key("root"), created_ms=NOW_MS)


@cache
def trust() -> TrustStore:
    """What a box believes that took that bundle."""
    store = TrustStore(key("root").public_key).accept(bundle())
    if isinstance(store, TrustRefusal):
        raise TypeError(f"the test bundle is refused: {store.name}")
    return store


def take_settings(raw: bytes) -> SettingsDocument | SettingsRefusal:
    """A document that the test box takes, or why not."""
    return check_settings(raw, trust(), WHO, LAST_TAKEN)


def minor_samples() -> list[Sample]:
    """Every signed structure that the minor added; the messages go on with the chain."""
    chain = [sample.raw for sample in samples() if sample.name.endswith("(device)")]
    at, said = Position(OUTBOX, 1, len(chain) + 1, envelope_hash(chain[-1])), []
    for body in BODIES:
        raw = seal_message(body, at, WHO, key("device"), created_ms=NOW_MS)
        said.append(Sample(f"{m.KINDS[type(body)].slug} (device)", raw, ("device",), Context.MESSAGE, take_message))
        at = at.after(raw)
    signed = sign_settings(document(), key("server"))
    return [
        *said,
        Sample("trust bundle with settings", bundle(), ("root",), Context.TRUST, take_bundle),
        Sample("settings document", signed, ("server",), Context.SETTINGS, take_settings),
    ]
