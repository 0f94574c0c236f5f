"""Enrolment, step by step: key, pin, request, answer, files, path; on line or with files carried there and back.

    enroll          the whole way, on line
    make_request    the first half for a box without a network; the pin stays in the folder
    take_answer     the second half, when somebody brings the answer
    prove           the last step alone: does the command centre take this box

Everything up to the certificate can be cut and done again (`edge_agent.adapters.enroll_files`). A box that has its
certificate and is given its own token again only proves its path: that is how an enrolment whose last step failed is
brought to its end.
"""

import asyncio
import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from cryptography import x509

from edge_agent.adapters import enroll_files as files
from edge_agent.adapters.enroll_line import EnrollLine, Pinned, Waiting
from edge_agent.adapters.first_settings import take_first_settings
from edge_agent.adapters.keystore import CERTIFICATE, Enrolment, Keystore, load_enrolment
from edge_agent.adapters.path_check import check_path
from edge_agent.core.enrolment import PASSING, Clock, Problem, Stage, is_for, is_past, judge_clock
from edge_agent.errors import EnrolmentFailed
from edge_agent.service.timekeeper import BUILD_TIME, WallClock, utc_now
from protocol.clock import from_ms
from protocol.enrolment import Believed, Pin, Token, check_parcel, sign_request
from protocol.keys import Signer
from protocol.steps import Step, no_step

STEPS: Final = (
    "enroll.key_made",
    "enroll.pinned",
    "enroll.answered",
    *files.STEPS,
    "enroll.settings_taken",
    "enroll.proven",
)
_PAUSES_S: Final = (1.0, 2.0, 4.0, 8.0)


class Say(Protocol):
    """Tells whoever watches where the enrolment is."""

    def __call__(self, stage: Stage, **values: str | float) -> None:
        """A stage begins."""
        ...


def silent(stage: Stage, **values: str | float) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where and how: the identity folder, the agent's settings file, where the key is made, who watches, what a drill
    cuts."""

    folder: Path
    config: Path | None = None
    keystore: Keystore = "auto"
    approval_wait_s: float = 900.0
    source: str | None = None
    say: Say = silent
    step: Step = no_step
    wall_clock: WallClock = utc_now
    pauses_s: tuple[float, ...] = field(default=_PAUSES_S)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A box that its command centre takes: who it is, until when, what became known of its clock, and why its first
    settings were not taken, if they were not."""

    enrolment: Enrolment
    until: datetime
    clock: Clock
    settings_problem: str | None = None


async def enroll(token: Token, setting: Setting) -> Enrolled:
    """Enrol this box; raises `EnrolmentFailed`, after which the same call goes on where it must."""
    clock = judge_clock(setting.wall_clock(), BUILD_TIME)
    with files.working_in(setting.folder):
        if not _is_own(token.pin, setting.folder):
            believed = await _obtained(token, setting, clock)
            clock = judge_clock(setting.wall_clock(), BUILD_TIME, from_ms(believed.answer.created_ms))
            setting.say(Stage.WRITE)
            files.put_in_place(setting.folder, believed, setting.step)
        problem = _settled(setting)
        return replace(await _proven(setting, clock), settings_problem=problem)


def make_request(token: Token, setting: Setting) -> bytes:
    """Make the key and the request that somebody carries to the command centre; raises `EnrolmentFailed`."""
    with files.working_in(setting.folder):
        if (setting.folder / CERTIFICATE).exists():
            raise _enrolled_otherwise(setting.folder)
        signer = _key(token, setting)
        files.remember(setting.folder, token.pin)
        return sign_request(files.csr_of(token.device, signer), token.signer)


def take_answer(raw: bytes, setting: Setting) -> Enrolment:
    """Put an answer in its place that somebody carried here; raises `EnrolmentFailed`. The path is not proven yet."""
    with files.working_in(setting.folder):
        pin = files.remembered(setting.folder)
        believed = _believed(raw, pin, files.own_key(setting.folder, pin.device, setting.keystore))
        setting.say(Stage.WRITE)
        files.put_in_place(setting.folder, believed, setting.step)
        _settled(setting)
    return load_enrolment(setting.folder)


async def prove(setting: Setting) -> Enrolled:
    """See that the command centre takes this box; raises `EnrolmentFailed` or `NotEnrolled`."""
    return await _proven(setting, judge_clock(setting.wall_clock(), BUILD_TIME))


def _key(token: Token, setting: Setting) -> Signer:
    setting.say(Stage.KEY)
    signer = files.own_key(setting.folder, token.device, setting.keystore)
    setting.step("enroll.key_made")
    return signer


async def _obtained(token: Token, setting: Setting, clock: Clock) -> Believed:
    """The answer, believed; the line is tried again where that may help. The key is let go at the end: a TPM has room
    for few."""
    signer = _key(token, setting)
    raw = sign_request(files.csr_of(token.device, signer), token.signer)
    line = EnrollLine(token, source=setting.source)
    for pause_s in (*setting.pauses_s, None):
        try:
            parcel = await _parcel(line, raw, setting, clock)
        except EnrolmentFailed as exc:
            if pause_s is None or exc.problem not in PASSING:
                raise _explained(exc, token, setting.wall_clock()) from exc
            setting.say(Stage.AGAIN, **exc.values)
            await asyncio.sleep(max(pause_s, float(exc.values.get("again_s", 0.0))))
        else:
            setting.step("enroll.answered")
            return _believed(parcel, token.pin, signer)
    raise AssertionError("the last attempt returns or raises")


async def _parcel(line: EnrollLine, raw: bytes, setting: Setting, clock: Clock) -> bytes:
    setting.say(Stage.PIN)
    pinned = await line.pin()
    setting.step("enroll.pinned")
    setting.say(Stage.REQUEST)
    return await _approved(line, raw, pinned, setting, clock)


async def _approved(line: EnrollLine, raw: bytes, pinned: Pinned, setting: Setting, clock: Clock) -> bytes:
    """Ask, and ask again while a person has yet to approve."""
    deadline = asyncio.get_running_loop().time() + setting.approval_wait_s
    while True:
        found = await line.request(raw, pinned, check_dates=clock.is_sound)
        if not isinstance(found, Waiting):
            return found
        if asyncio.get_running_loop().time() + found.again_s > deadline:
            raise EnrolmentFailed(Problem.NOT_APPROVED.value, key=found.key)
        setting.say(Stage.APPROVAL, key=found.key)
        await asyncio.sleep(found.again_s)


def _believed(raw: bytes, pin: Pin, signer: Signer) -> Believed:
    found = check_parcel(raw, pin, signer.public_key)
    if isinstance(found, Believed) and is_for(found, signer.public_key):
        return found
    why = "certificate" if isinstance(found, Believed) else found.value
    raise EnrolmentFailed(Problem.BAD_ANSWER.value, why=why)


def _settled(setting: Setting) -> str | None:
    """Hand the first settings to the agent; why they were not taken, if so."""
    problem = take_first_settings(setting.config, setting.folder) if setting.config else None
    setting.step("enroll.settings_taken")
    return problem


async def _proven(setting: Setting, clock: Clock) -> Enrolled:
    setting.say(Stage.PATH)
    enrolment = load_enrolment(setting.folder)
    await check_path(enrolment, check_dates=clock.is_sound)
    setting.step("enroll.proven")
    certificate = x509.load_pem_x509_certificate((setting.folder / CERTIFICATE).read_bytes())
    return Enrolled(enrolment, certificate.not_valid_after_utc, clock)


def _is_own(pin: Pin, folder: Path) -> bool:
    """Whether the box has been enrolled by this very token; raises `EnrolmentFailed` if it was by another."""
    if not (folder / CERTIFICATE).exists():
        return False
    enrolment = load_enrolment(folder)
    is_same_root = hashlib.sha256(enrolment.root.spki).digest() == pin.root_sha256
    if enrolment.facts.device != pin.device or not is_same_root:
        raise _enrolled_otherwise(folder)
    return True


def _enrolled_otherwise(folder: Path) -> EnrolmentFailed:
    facts = load_enrolment(folder).facts
    return EnrolmentFailed(Problem.OTHER_DEVICE.value, device=facts.device, city=facts.city, folder=str(folder))


def _explained(exc: EnrolmentFailed, token: Token, now: datetime) -> EnrolmentFailed:
    """A refusal with what the token itself knows."""
    values = {"device": token.device, "until": f"{from_ms(token.expires_ms):%Y-%m-%d %H:%M} UTC"}
    values |= {"now": f"{now:%Y-%m-%d %H:%M} UTC", "is_past": "yes" if is_past(token, now) else "no"}
    return EnrolmentFailed(exc.problem, **(values | exc.values))
