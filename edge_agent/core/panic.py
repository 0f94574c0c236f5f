"""How a panic button on the local network proves itself, without a clock and without being copied.

1. `GET /panic` gives a challenge: random, bound to this run of the agent, good for `CHALLENGE_S` and for one press.
2. `POST /panic` with `{"button": ..., "challenge": ..., "mac": ...}`: the MAC is HMAC-SHA256 under the button's key
   over `press_text`. A press that was listened in on is of no use: its challenge is spent.
3. The answer holds a MAC too (`answer_text`), so that a button's lamp cannot be lit by somebody else's box.

Neither side needs the right time, which a box that wakes in 1970 and a button without a battery do not have. A
challenge needs no memory (it carries its own MAC), so nobody can fill one up; only spent ones are remembered, and only
who has a key can spend.
"""

import hmac
from dataclasses import dataclass, field
from typing import Final

CHALLENGE_S: Final = 30.0
KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 16
_TAG_BYTES: Final = 16


def press_text(button: str, challenge: str, *, is_test: bool = False) -> bytes:
    """What a button signs to press, or to try itself out."""
    return f"atalaya-panic-v1\n{'test' if is_test else 'press'}\n{button}\n{challenge}".encode()


def answer_text(button: str, challenge: str) -> bytes:
    """What the box signs once the alarm is on its disk."""
    return f"atalaya-panic-v1\nstored\n{button}\n{challenge}".encode()


def mac(key: bytes, text: bytes) -> str:
    """HMAC-SHA256 in hexadecimal."""
    return hmac.digest(key, text, "sha256").hex()


def is_mac(key: bytes, text: bytes, given: str) -> bool:
    """Whether a MAC is right, in a time that tells nothing."""
    return hmac.compare_digest(mac(key, text).encode(), given.encode("utf-8", "replace"))


@dataclass(slots=True)
class Challenges:
    """Makes challenges and spends each once. `secret` is new in every run, so that none outlives it."""

    secret: bytes = field(repr=False)
    _spent: dict[str, float] = field(default_factory=dict)

    def make(self, nonce: bytes, now_s: float) -> str:
        """A new challenge."""
        body = nonce[:_NONCE_BYTES] + int(now_s * 1000).to_bytes(8, "big")
        return (body + self._tag(body)).hex()

    def spend(self, challenge: str, now_s: float) -> bool:
        """Whether this is one of ours, young enough, and not spent before; it is from now on."""
        self._spent = {each: until_s for each, until_s in self._spent.items() if until_s >= now_s}
        made_s = self._made_s(challenge)
        if made_s is None or not 0 <= now_s - made_s <= CHALLENGE_S or challenge in self._spent:
            return False
        self._spent[challenge] = made_s + CHALLENGE_S
        return True

    def _made_s(self, challenge: str) -> float | None:
        try:
            raw = bytes.fromhex(challenge)
        except ValueError:
            return None
        body, tag = raw[:-_TAG_BYTES], raw[-_TAG_BYTES:]
        if challenge != raw.hex() or not hmac.compare_digest(self._tag(body), tag):
            return None
        return int.from_bytes(body[_NONCE_BYTES:], "big") / 1000

    def _tag(self, body: bytes) -> bytes:
        return hmac.digest(self.secret, body, "sha256")[:_TAG_BYTES]


@dataclass(slots=True)
class Attempts:
    """Wrong presses of each address in the last minute. Who presses rightly is never held back."""

    most_per_minute: int = 20
    most_addresses: int = 256
    _wrong: dict[str, list[float]] = field(default_factory=dict)

    def note_wrong(self, address: str, now_s: float) -> bool:
        """Count a wrong press; true when the address has had enough."""
        recent = [at_s for at_s in self._wrong.pop(address, []) if now_s - at_s < 60]
        self._wrong[address] = [*recent, now_s][-self.most_per_minute - 1 :]
        while len(self._wrong) > self.most_addresses:
            del self._wrong[next(iter(self._wrong))]
        return len(self._wrong[address]) > self.most_per_minute
