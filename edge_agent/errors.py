"""What agent code raises. Leaves are named by what is wrong, and their text says what to do about it.

EdgeError
├── ModelMissing        weights are not there; `make models` fetches them (tell the user)
├── BadModelFile        weights that are not the pinned ones, or not what they claim to be (stop)
│   └── UntrustedModel  nobody whom the box trusts has signed them as they are (stop)
├── InferenceMismatch   the device or precision that really runs is not the one the settings ask for (stop)
├── ExtraMissing        an optional part of the program is not installed (tell the user)
├── BadPicture          a file that is no picture or video we can read (skip it, tell the user)
├── RedactionFailed     a picture could not be redacted, so it must not leave (drop the picture)
├── CameraUnusable      a source that only a person can mend: no such file, no video (tell the user)
├── CameraLost          a camera's stream broke or cannot be opened (retry)
│   ├── CameraRefused   it refuses user or password (retry: somebody may set it right; tell the user)
│   └── CameraStalled   the connection is there, nothing new comes (retry; never shown as live)
├── OnvifFailed         a camera's ONVIF service cannot be reached, or makes no sense (retry)
│   └── OnvifRefused    it refuses user or password (tell the user)
├── BadSettings         a settings file that cannot be used; names the key (tell the user)
├── BadProfile          a firmware profile that cannot be used; names the key (tell the user)
├── NotEnrolled         the box has no certificate yet (tell the user)
├── EnrolmentFailed     an enrolment that stopped; carries the problem's word in the catalogue (tell the user)
├── BadIdentity         identity files that do not fit together (stop)
├── TpmFailed           the box's TPM is missing, or refuses (tell the user)
├── VaultError          what was sealed cannot be opened on this box (tell the user)
├── OutboxBroken        the outbox cannot be opened, or is damaged (stop)
├── OutboxFailed        a write to the outbox failed, as on a full disk (retry)
├── OutboxFull          no room, and nothing less important to give up for it (drop the message)
├── LinkFailed          no connection to the broker, or it was lost (retry)
├── RenewalFailed       no new certificate, or one that is not taken; the old one stays in force (retry)
├── BadNetwork          a change of the network that cannot be made (tell the user)
├── NoNetworkManager    the box's network is not NetworkManager's to change (tell the user)
├── AgentRuns           what is asked for needs the box to itself (tell the user)
├── BadAcceptance       an acceptance that the agent would not sign (tell the user)
├── NotAccepted         a point that is not as it must be to be accepted (tell the user)
├── CannotServe         a page cannot be served at the address asked for (tell the user)
└── NotRunning          no agent answers on the control socket (tell the user)
"""


class EdgeError(Exception):
    """Root of everything this package raises on purpose."""


class ModelMissing(EdgeError):
    """Weights that are not there."""

    fault: str = "missing"


class BadModelFile(EdgeError):
    """Weights that are not the pinned ones, or not what they claim to be; `fault` names it in the catalogue."""

    def __init__(self, message: str, fault: str = "damaged") -> None:
        super().__init__(message)
        self.fault = fault


class UntrustedModel(BadModelFile):
    """Weights under no signature that counts."""


class InferenceMismatch(EdgeError):
    """What really runs is not what the settings ask for."""


class ExtraMissing(EdgeError):
    """An optional part of the program that is not installed."""


class BadPicture(EdgeError):
    """A file that is no picture or video we can read."""


class RedactionFailed(EdgeError):
    """A picture that could not be redacted; it must not leave."""


class CameraUnusable(EdgeError):
    """A source that no retry will mend."""


class CameraLost(EdgeError):
    """A camera's stream that broke or cannot be opened."""


class CameraRefused(CameraLost):
    """A camera that refuses user or password."""


class CameraStalled(CameraLost):
    """A camera that is connected and sends nothing new."""


class OnvifFailed(EdgeError):
    """A camera whose ONVIF service cannot be reached or makes no sense."""


class OnvifRefused(OnvifFailed):
    """A camera that refuses user or password."""


class BadSettings(EdgeError):
    """A settings file that cannot be used."""


class BadProfile(EdgeError):
    """A firmware profile that cannot be used."""


class NotEnrolled(EdgeError):
    """A box without a certificate."""


class EnrolmentFailed(EdgeError):
    """An enrolment that stopped at something that a person can mend, by its word in the technician's catalogue."""

    def __init__(self, problem: str, **values: str | float) -> None:
        super().__init__(f"the enrolment stopped: {problem}")
        self.problem, self.values = problem, values


class BadIdentity(EdgeError):
    """Identity files that do not fit together."""


class TpmFailed(EdgeError):
    """A TPM that is not there, or does not do what it is asked."""


class VaultError(EdgeError):
    """Something sealed that cannot be opened here."""


class OutboxBroken(EdgeError):
    """An outbox that cannot be opened or is damaged."""


class OutboxFailed(EdgeError):
    """A write to the outbox that did not happen; nothing of it is kept."""


class OutboxFull(EdgeError):
    """A message for which nothing less important can be given up."""


class LinkFailed(EdgeError):
    """No connection to the broker."""


class RenewalFailed(EdgeError):
    """No new certificate, or one that is not taken; the old one stays in force."""


class BadNetwork(EdgeError):
    """A change of the network that cannot be made."""


class NoNetworkManager(EdgeError):
    """A network that something else keeps."""


class AgentRuns(EdgeError):
    """A running agent is in the way."""


class BadAcceptance(EdgeError):
    """An acceptance that was not signed."""


class NotAccepted(EdgeError):
    """A point that is not as it must be."""


class CannotServe(EdgeError):
    """An address that a page cannot be served at."""


class NotRunning(EdgeError):
    """No agent answers."""
