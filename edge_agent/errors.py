"""What agent code raises. Leaves are named by what is wrong, and their text says what to do about it.

EdgeError
├── ModelMissing        weights are not there; `make models` fetches them (tell the user)
├── BadModelFile        weights that are not the pinned ones, or not what they claim to be (stop)
├── InferenceMismatch   the device or precision that really runs is not the one the settings ask for (stop)
├── ExtraMissing        an optional part of the program is not installed (tell the user)
├── BadPicture          a file that is no picture or video we can read (skip it, tell the user)
└── RedactionFailed     a picture could not be redacted, so it must not leave (drop the picture)
"""


class EdgeError(Exception):
    """Root of everything this package raises on purpose."""


class ModelMissing(EdgeError):
    """Weights that have not been fetched yet."""


class BadModelFile(EdgeError):
    """Weights that are not the pinned ones, or not what they claim to be."""


class InferenceMismatch(EdgeError):
    """What really runs is not what the settings ask for."""


class ExtraMissing(EdgeError):
    """An optional part of the program that is not installed."""


class BadPicture(EdgeError):
    """A file that is no picture or video we can read."""


class RedactionFailed(EdgeError):
    """A picture that could not be redacted; it must not leave."""
