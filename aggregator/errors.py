"""What aggregator code raises. Leaves are named by what is wrong, and their text says what to do about it.

AggregatorError
├── BadSettings         the settings file is missing or wrong (tell the operator)
├── BadInput            an argument or an input file is wrong (tell the operator)
├── NotThere            a city, point, camera, device or file that was named does not exist (tell the operator)
├── AlreadyThere        something would be overwritten or registered twice (tell the operator)
├── BadKey              a key, certificate or request that cannot be used, or a wrong passphrase (tell the operator)
├── BadBackup           a backup was cut off or altered, or does not fit this release (tell the operator)
├── BrokerUnwell        the broker does not start, answer or obey (stop, tell the operator)
├── ClockInDoubt        the clock leaped; what cannot be undone waits for a person (tell the operator)
├── DatesNear           a certificate, a list or a grant ends within days, or has ended (tell the operator)
├── Overtaken           somebody else was first, or it is too late for what was asked (tell the operator)
├── NotAllowed          somebody asked for what is not his to do (tell the operator)
├── NotWritten          an export could not be written whole, and nothing stands under its name (tell the operator)
├── FilesLeft           files could not be removed; the next run tries again (tell the operator)
├── RegionAway          the region cannot be reached, or does not answer as one (try again later)
├── TooLong             a question took longer than it may (tell whoever asked: ask for less)
└── DatabaseUnwell      the database does not start, answer, or hold the schema (stop, tell the operator)

A command raises; `aggregator.cli` turns it into one line on stderr and the exit code in one place.
"""

from typing import ClassVar


class AggregatorError(Exception):
    """Root of everything this package raises on purpose."""

    exit_code: ClassVar[int] = 1


class BadSettings(AggregatorError):
    """The settings file is missing or wrong."""

    exit_code: ClassVar[int] = 2


class BadInput(AggregatorError):
    """An argument or an input file is wrong."""

    exit_code: ClassVar[int] = 2


class NotThere(AggregatorError):
    """What was named does not exist."""


class AlreadyThere(AggregatorError):
    """Something would be overwritten or registered twice."""


class BadKey(AggregatorError):
    """A key, certificate or request that cannot be used, or a wrong passphrase."""


class BadBackup(AggregatorError):
    """A backup was cut off or altered, or does not fit this release."""

    exit_code: ClassVar[int] = 3


class BrokerUnwell(AggregatorError):
    """The broker does not start, answer or obey."""


class RegionAway(AggregatorError):
    """The region cannot be reached, or does not answer as one."""


class DatabaseUnwell(AggregatorError):
    """The database does not start, answer, or hold the schema."""


class TooLong(AggregatorError):
    """A question took longer than it may."""

    exit_code: ClassVar[int] = 5


class FilesLeft(AggregatorError):
    """Files could not be removed; the next run tries again."""


class NotWritten(AggregatorError):
    """An export could not be written whole, and nothing stands under its name."""


class Overtaken(AggregatorError):
    """Somebody else was first, or it is too late for what was asked."""

    exit_code: ClassVar[int] = 4


class NotAllowed(AggregatorError):
    """Somebody asked for what is not his to do."""


class ClockInDoubt(AggregatorError):
    """The clock leaped, and what cannot be undone waits for a person."""


class DatesNear(AggregatorError):
    """A certificate, a list or a grant ends within days, or has ended."""
