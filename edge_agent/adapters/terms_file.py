"""The terms of a company's box, beside its identity: `identity_dir/terms.cose`, as they were signed.

They are believed for their signature each time they are read, never for lying here, and lie beside the identity so that
wiping `data_dir` frees nothing. Whose box it is stands in the identity itself (`partner`), written with the first terms
at the latest: without its terms a company's box is one that may do nothing.
"""

from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import structlog

from edge_agent.adapters.keystore import Enrolment, read_facts, write_facts, write_private
from edge_agent.core.terms import Holding
from edge_agent.errors import BadIdentity
from protocol.envelope import envelope_hash
from protocol.errors import BadEnvelope, DecodeError
from protocol.settings import Taken
from protocol.terms import Terms, TermsRefusal, check_terms, read_terms
from protocol.trust import TrustStore

NAME: Final = "terms.cose"

log = structlog.get_logger(__name__)


class TermsFile:
    """The file of one box. What it holds is judged under the trust store that each call is given."""

    def __init__(self, enrolment: Enrolment) -> None:
        """Nothing is read yet."""
        self._enrolment, self._path = enrolment, enrolment.folder / NAME
        self.partner = enrolment.facts.partner
        self.problem = ""

    @property
    def is_partner(self) -> bool:
        """Whether this is a company's box."""
        return bool(self.partner) or self._path.exists()

    def holding(self, trust: TrustStore) -> Holding:
        """What the box may do; `problem` says why terms that lie here are not believed."""
        raw, who = self._raw(), self._enrolment.who
        found = check_terms(raw, trust, city=who.city, partner=self.partner) if raw else None
        self.problem = found.value if isinstance(found, TermsRefusal) else ""
        terms = found if isinstance(found, Terms) else None
        return Holding(who.point, self.is_partner, terms, _zone(terms.time_zone) if terms else None)

    def take(self, raw: bytes, trust: TrustStore) -> Terms | TermsRefusal | None:
        """Hold terms from now on, or say why not; None if they are held already. Raises `BadIdentity` for a disk that
        does not take them."""
        who, held = self._enrolment.who, self._raw()
        if raw == held:
            return None
        found = check_terms(raw, trust, city=who.city, partner=self.partner, taken=_taken(held))
        if isinstance(found, Terms):
            self._keep(raw, found)
        return found

    def _keep(self, raw: bytes, terms: Terms) -> None:
        try:
            if self.partner is None:
                folder = self._enrolment.folder  # the identity as it is now: the box may have been moved meanwhile
                write_facts(folder, msgspec.structs.replace(read_facts(folder), partner=terms.partner))
                self.partner = terms.partner
            write_private(self._path, raw)
        except OSError as exc:
            raise BadIdentity(f"{self._path} cannot be written: {exc.strerror}; the agent must own the folder") from exc

    def _raw(self) -> bytes:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as exc:
            log.error("terms_unreadable", why=exc.strerror)  # noqa: TRY400  no frames in a log
            return b""


def _taken(held: bytes) -> Taken:
    """What new terms must not be older than: what lies here was believed once, whether it is now or not."""
    try:
        return Taken(read_terms(held).number, envelope_hash(held)) if held else Taken()
    except (BadEnvelope, DecodeError):
        return Taken()


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        log.error("terms_zone_unknown", zone=name)  # noqa: TRY400  no frames in a log
        return None
