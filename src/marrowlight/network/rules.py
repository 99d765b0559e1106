"""What follows from a failure: try the study again, give it up, or wait for server or disk."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from marrowlight import errors


class Then(StrEnum):
    """What to do."""

    AGAIN = "again"
    """Try the study again after a while, a few times."""
    GIVE_UP = "give_up"
    NO_FIT = "no_fit"
    DELETED = "deleted"
    WAIT_FOR_SERVER = "wait_for_server"
    """No fault of the study: nothing is counted against it."""
    WAIT_FOR_DISK = "wait_for_disk"


NO_FIT = (errors.NotThisJoint, errors.NoFluidSensitiveSeries, errors.NoImages)
MAY_PASS = (errors.LimitExceeded,)
"""Among refused input: time and memory depend on what else the machine does."""


@dataclass(frozen=True)
class Pace:
    """How often and how soon a study that failed is tried again.

    attempts : failures after which it is given up; first_s, most_s : waits, four times as long
    each time. s. starts : how often reading may be begun without coming to an end, by kill or
    power cut, before the study itself is suspected.
    """

    attempts: int = 4
    first_s: float = 60.0
    most_s: float = 3600.0
    starts: int = 25

    def wait_s(self, failures: int) -> float:
        """The wait after so many failures. s."""
        return float(min(self.most_s, self.first_s * 4.0 ** (failures - 1)))


def then(kind: type[BaseException], *, server_answers: bool, still_there: bool = True) -> Then:
    """What follows from an error.

    Parameters
    ----------
    kind : of the error
    server_answers : whether the server does what it is asked otherwise
    still_there : whether the server still holds images of the study
    """
    if issubclass(kind, errors.OutputNotWritable):
        return Then.WAIT_FOR_DISK
    if issubclass(kind, errors.NetworkError):
        if not server_answers:
            return Then.WAIT_FOR_SERVER
        if not still_there:
            return Then.DELETED
        return Then.GIVE_UP if issubclass(kind, errors.AccessDenied) else Then.AGAIN
    if issubclass(kind, NO_FIT):
        return Then.NO_FIT
    if issubclass(kind, errors.InputError) and not issubclass(kind, MAY_PASS):
        return Then.GIVE_UP
    return Then.AGAIN


def plain_reason(kind: type[BaseException]) -> str:
    """What happened, in words that are ours: a message may quote a file, and files name people."""
    if not issubclass(kind, errors.MarrowlightError):
        return f"a fault of Marrowlight ({kind.__name__})"
    first = (kind.__doc__ or "").strip().splitlines()[0].rstrip(".")
    return f"{kind.__name__}: {first}"
