"""`edge-agent enroll`: from a token to a box that its command centre takes (docs/enrolment.md)."""

import asyncio
import io
import json
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Final

import segno
from cyclopts import Parameter
from rich.console import Console
from segno.encoder import DataOverflowError

from edge_agent.adapters.keystore import Keystore, write_private
from edge_agent.adapters.texts import Language, Texts, language_of, texts
from edge_agent.core.enrolment import Problem, Stage
from edge_agent.errors import EnrolmentFailed
from edge_agent.service import enroll as service
from edge_agent.service.enroll import Enrolled, Setting
from edge_agent.settings import Settings, find_settings, load_settings
from protocol.armour import armour, compact, unarmour
from protocol.enrolment import ANSWER, REQUEST, Token, read_token
from protocol.errors import DecodeError
from protocol.refusals import Refusal
from protocol.steps import Step, no_step, stop_at

CRASH_KEY: Final = "ATALAYA_CRASH_AT"
_MINUTE_S: Final = 60


def enroll(
    token: Annotated[str | None, Parameter(help="The token; without it, it is asked for or read from stdin.")] = None,
    *,
    token_file: Annotated[Path | None, Parameter(help="Read the token from a file.")] = None,
    offline_request: Annotated[Path | None, Parameter(help="Write a request to be carried, and end.")] = None,
    offline_answer: Annotated[Path | None, Parameter(help="Take the answer that was carried; - is stdin.")] = None,
    check: Annotated[bool, Parameter(help="Only check that the command centre takes this box.", negative="")] = False,
    identity: Annotated[Path | None, Parameter(help="Identity folder; else the settings'.")] = None,
    keystore: Annotated[Keystore, Parameter(help="Where the key is made; auto: the TPM if there is one.")] = "auto",
    wait_s: Annotated[float, Parameter(help="How long to wait for a person's approval.")] = 900.0,
    config: Annotated[Path | None, Parameter(help="Settings file; else $ATALAYA_AGENT_CONFIG.")] = None,
    language: Annotated[Language | None, Parameter(help="Of the messages; else the terminal's.")] = None,
    json_: Annotated[bool, Parameter(name="--json", help="Print one JSON object.", negative="")] = False,
) -> int:
    """Enrol this box with a token from its command centre.

    Whatever stops it, run the same command again: it goes on under the same key. It ends with success only when
    broker and hotlist server have been seen to take this box.
    """
    said = texts(language_of(os.environ, language))
    settings_file = find_settings(config, os.environ)
    folder = identity or _identity_dir(settings_file)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    setting = Setting(
        folder=folder,
        config=settings_file,
        keystore=keystore,
        approval_wait_s=wait_s,
        say=Watcher(said, console),
        step=_crash_step(os.environ.get(CRASH_KEY, "")),
    )
    try:
        if offline_answer is not None:
            enrolled = _carried(offline_answer, setting, said, console)
        elif check:
            enrolled = asyncio.run(service.prove(setting))
        else:
            asked = read_token_text(token, token_file, said)
            if offline_request is not None:
                return _write_request(asked, setting, offline_request, said, console)
            enrolled = asyncio.run(service.enroll(asked, setting))
    except EnrolmentFailed as exc:
        console.print(in_words(exc, said), markup=False)
        return 1
    if enrolled is not None:
        _report(enrolled, setting, said, console, as_json=json_)
    return 0


class Watcher:
    """Prints each stage once: a stage that comes again, as waiting does, is told when it says something new."""

    def __init__(self, said: Texts, console: Console) -> None:
        """Nothing has been said yet."""
        self._said, self._console, self._last = said, console, ""

    def __call__(self, stage: Stage, **values: str | float) -> None:
        """A stage begins."""
        line = self._said(f"enroll-stage-{stage.value}", **values)
        if line != self._last:
            self._console.print(f"· {line}", markup=False)
        self._last = line


def read_token_text(token: str | None, file: Path | None, said: Texts) -> Token:
    """The token of the command line, a file or stdin; raises `EnrolmentFailed`."""
    if file is not None:
        try:
            token = file.read_text(encoding="utf-8", errors="replace")
        except OSError as exc:
            raise EnrolmentFailed(Problem.MALFORMED.value, why=f"{file}: {exc.strerror}") from exc
    elif token is None or token == "-":  # noqa: S105  a dash is no token
        token = input(said("enroll-prompt") + " ") if sys.stdin.isatty() else sys.stdin.read()
    try:
        return read_token(token)
    except DecodeError as exc:
        problem = Problem.NEWER if exc.refusal is Refusal.UNKNOWN_VERSION else Problem.MALFORMED
        raise EnrolmentFailed(problem.value, why=str(exc)) from None


def in_words(exc: EnrolmentFailed, said: Texts) -> str:
    """What a technician is told of a problem."""
    return said(f"enroll-problem-{exc.problem}", **exc.values)


def _write_request(token: Token, setting: Setting, file: Path, said: Texts, console: Console) -> int:
    raw = service.make_request(token, setting)
    try:
        write_private(file, armour(REQUEST, raw).encode())
    except OSError as exc:
        raise EnrolmentFailed(Problem.NOT_WRITABLE.value, folder=str(file.parent)) from exc
    console.print(said("enroll-request-written", file=str(file)), markup=False)
    code = io.StringIO()
    try:
        segno.make_qr(compact(REQUEST, raw), error="l").terminal(code, compact=True)
    except DataOverflowError:
        return 0  # a key and a name that take more than a code can hold: the file does
    console.print(said("enroll-request-qr"), markup=False)
    console.print(code.getvalue(), markup=False)
    return 0


def _carried(file: Path, setting: Setting, said: Texts, console: Console) -> Enrolled | None:
    """Take an answer, then prove the path if there is a network; without one the box is enrolled all the same."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="ascii", errors="replace")
        raw = unarmour(ANSWER, text)
    except OSError as exc:
        raise EnrolmentFailed(Problem.BAD_ANSWER.value, why=f"{file}: {exc.strerror}") from exc
    except DecodeError as exc:
        raise EnrolmentFailed(Problem.BAD_ANSWER.value, why=str(exc)) from exc
    enrolment = service.take_answer(raw, setting)
    try:
        return asyncio.run(service.prove(setting))
    except EnrolmentFailed as exc:
        console.print(in_words(exc, said), markup=False)
        console.print(said("enroll-unproven", device=enrolment.facts.device), markup=False)
        return None


def _report(enrolled: Enrolled, setting: Setting, said: Texts, console: Console, *, as_json: bool) -> None:
    facts, clock = enrolled.enrolment.facts, enrolled.clock
    if not clock.is_sound:
        console.print(said("enroll-clock-behind", now=f"{setting.wall_clock():%Y-%m-%d %H:%M} UTC"), markup=False)
    elif clock.is_wrong:
        console.print(said("enroll-clock-off", minutes=round(abs(clock.off_s or 0) / _MINUTE_S)), markup=False)
    if enrolled.settings_problem is not None:
        console.print(said("enroll-settings-refused", why=enrolled.settings_problem), markup=False)
    if as_json:
        found = {"device": facts.device, "city": facts.city, "point": facts.point, "until": enrolled.until.isoformat()}
        print(json.dumps(found | {"clock_is_wrong": clock.is_wrong, "clock_off_s": clock.off_s}))
        return
    until = f"{enrolled.until:%Y-%m-%d}"
    print(said("enroll-done", device=facts.device, city=facts.city, point=facts.point, until=until))
    print(said("enroll-next"))


def _identity_dir(settings_file: Path) -> Path:
    """The identity folder of the settings; the default one, as long as there is no file."""
    return load_settings(settings_file).identity_dir if settings_file.exists() else Settings().identity_dir


def _crash_step(spec: str) -> Step:
    """For drills: a kill -9 of this process at a named place."""
    return stop_at(spec, lambda: os.kill(os.getpid(), signal.SIGKILL)) if spec else no_step
