"""What the client raises. Leaves are named by what the caller can do about it.

AtalayaError
├── Unreachable         nothing answered, or it broke off (try again later; see the address and `ca`)
├── BadAnswer           what answered is not this API (see the address)
└── Problem             the server said why it does not answer (RFC 9457)
    ├── BadQuestion     a parameter or a combination that it does not take (ask otherwise)
    │   └── ReasonNeeded    plates and pictures are shown for a reason only (give `reason=`)
    ├── NotAdmitted     no token, a bad one, or one that does not open this (get another)
    ├── NotThere        no such path or thing
    ├── TooBusy         too much was asked, by you or by all (wait `retry_after_s`)
    ├── TooLong         the answer took too long (ask for less)
    └── ServerBroke     the server could not (tell whoever runs it)
"""

from collections.abc import Mapping
from typing import Final


class AtalayaError(Exception):
    """Root of everything this package raises on purpose."""


class Unreachable(AtalayaError):
    """Nothing answered, or the answer broke off."""


class BadAnswer(AtalayaError):
    """What answered is not this API."""


class Problem(AtalayaError):
    """The server said why it does not answer. `type` is for programs, `detail` and `remedy` are for people."""

    def __init__(self, status: int, said: Mapping[str, object], retry_after_s: float | None = None) -> None:
        """What the server said, as far as it said it."""
        self.status = status
        self.type = str(said.get("type", "about:blank"))
        self.title = str(said.get("title", f"HTTP {status}"))
        self.detail = str(said.get("detail", ""))
        self.remedy = str(said.get("remedy", ""))
        self.retry_after_s = retry_after_s
        about = f"{self.title}: {self.detail}" if self.detail else self.title
        super().__init__(f"{about}. {self.remedy}" if self.remedy else about)

    @property
    def word(self) -> str:
        """The type's last part, such as `reason-needed`."""
        return self.type.rpartition("#")[2]


class BadQuestion(Problem):
    """A parameter or a combination of them that the server does not take."""


class ReasonNeeded(BadQuestion):
    """Plates and pictures are shown for a reason only."""


class NotAdmitted(Problem):
    """No token, a bad one, or one that does not open this."""


class NotThere(Problem):
    """No such path or thing."""


class TooBusy(Problem):
    """Too much was asked, by you or by all."""


class TooLong(Problem):
    """The answer took too long."""


class ServerBroke(Problem):
    """The server could not."""


_BY_WORD: Final[dict[str, type[Problem]]] = {"reason-needed": ReasonNeeded}
_BY_STATUS: Final[dict[int, type[Problem]]] = {
    401: NotAdmitted,
    403: NotAdmitted,
    404: NotThere,
    429: TooBusy,
    503: TooBusy,
    504: TooLong,
}


def problem_for(status: int, said: Mapping[str, object], retry_after_s: float | None = None) -> Problem:
    """The error that fits what the server said."""
    word = str(said.get("type", "")).rpartition("#")[2]
    kind = _BY_WORD.get(word) or _BY_STATUS.get(status) or (ServerBroke if status >= 500 else BadQuestion)
    return kind(status, said, retry_after_s)
