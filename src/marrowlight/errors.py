"""Every error that Marrowlight raises, on one page.

    MarrowlightError                    exit code 1
    ├── UsageError                      2  options that contradict each other or make no sense
    ├── InputError                      3  the input was refused
    │   ├── NoImages                       nothing readable was found
    │   ├── UnreadableFile                 truncated, not what its name says, corrupt pixels
    │   ├── LimitExceeded                  too large, too deep or too slow to be read
    │   ├── MixedPatients                  more than one patient in the input
    │   ├── NoFluidSensitiveSeries         there are images, but none shows fluid
    │   ├── NotThisJoint                   a head, or another joint than the one named
    │   ├── BadVoxels                      NaN, infinite or constant image
    │   ├── BadMask                        empty mask, unknown labels
    │   ├── CaseError                      a case file not understood, or against itself
    │   ├── BonesNotFound                  no bone could be drawn that can be trusted
    │   ├── NotFromDicom                   a DICOM document is wanted of images that were no DICOM
    │   └── GeometryError
    │       ├── GridMismatch               two images that must share a grid do not
    │       ├── AmbiguousOrientation       NIfTI sform and qform disagree
    │       └── SliceError                 missing, duplicate or unevenly spaced slices
    ├── OutputError                     1
    │   ├── OutputExists                   the folder already holds a reading
    │   └── OutputNotWritable              no permission, disk full
    ├── NetworkError                    1  a server did not do what it was asked
    │   ├── ServerUnreachable              no connection, no answer in time, or it broke off
    │   ├── AccessDenied                   401 or 403: who asks is not known or not allowed
    │   └── ServerRefused                  any other answer that is no success
    │       └── NotOnServer                404: what was asked for is not there, or not any more
    ├── JournalError                    1  the journal of the service cannot be used
    │   └── JournalInUse                   another service works with it
    ├── DocumentError                   1  a document does not read back as it was written
    ├── WeightsError                    1  weights or parameters do not match their hash
    └── KnowledgeError                  1  a data file of the package breaks its own rules

A message says what was found, where, what was expected and what to do next.
"""

from __future__ import annotations


class MarrowlightError(Exception):
    """Base of all errors of this package.

    Parameters
    ----------
    found : str
        What was found, as a sentence.
    where : str, optional
        File, series or option that it concerns.
    expected : str, optional
        What would have been right.
    do : str, optional
        What to do next.
    """

    exit_code: int = 1

    def __init__(
        self,
        found: str,
        *,
        where: object | None = None,
        expected: str | None = None,
        do: str | None = None,
    ) -> None:
        self.found = found
        self.where = None if where is None else str(where)
        self.expected = expected
        self.do = do
        super().__init__(found)

    def __str__(self) -> str:
        parts = [self.found]
        if self.where:
            parts.append(f"Where: {self.where}")
        if self.expected:
            parts.append(f"Expected: {self.expected}")
        if self.do:
            parts.append(f"What to do: {self.do}")
        return "\n".join(parts)

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword arguments survive the trip from the child process that reads untrusted files.
        return (_rebuild, (type(self), self.found, self.where, self.expected, self.do))


def _rebuild(
    kind: type[MarrowlightError],
    found: str,
    where: str | None,
    expected: str | None,
    do: str | None,
) -> MarrowlightError:
    return kind(found, where=where, expected=expected, do=do)


class UsageError(MarrowlightError):
    """Options that contradict each other or make no sense."""

    exit_code = 2


class InputError(MarrowlightError):
    """The input was refused."""

    exit_code = 3


class NoImages(InputError):
    """Nothing readable was found in the input."""


class UnreadableFile(InputError):
    """A file is truncated, is not what its name says, or its pixels cannot be decoded."""


class LimitExceeded(InputError):
    """A file asks for more memory, depth or time than it is allowed."""


class MixedPatients(InputError):
    """The input holds more than one patient."""


class NoFluidSensitiveSeries(InputError):
    """There are images, but none on which fluid in marrow can be seen."""


class NotThisJoint(InputError):
    """The image shows no joint that is read here, or not the one that was named."""


class BadVoxels(InputError):
    """The image holds NaN, infinite or only equal values."""


class BadMask(InputError):
    """A mask is empty or holds labels that nobody named."""


class CaseError(InputError):
    """A case file cannot be understood, or contradicts itself."""


class BonesNotFound(InputError):
    """No bone of the joint could be drawn that can be trusted."""


class NotFromDicom(InputError):
    """A DICOM document is wanted of a reading whose images were no DICOM."""


class GeometryError(InputError):
    """The position of voxels in space is missing or contradictory."""


class GridMismatch(GeometryError):
    """Two images that must share one grid do not."""


class AmbiguousOrientation(GeometryError):
    """The sform and the qform of a NIfTI file disagree."""


class SliceError(GeometryError):
    """Slices are missing, duplicated or unevenly spaced."""


class OutputError(MarrowlightError):
    """Results could not be written."""


class OutputExists(OutputError):
    """The output folder already holds a reading."""


class OutputNotWritable(OutputError):
    """The output folder cannot be written, or the disk is full."""


class NetworkError(MarrowlightError):
    """A server could not be asked, or did not do what it was asked."""


class ServerUnreachable(NetworkError):
    """No connection, no answer in time, or an answer that broke off: trying again may help."""


class AccessDenied(NetworkError):
    """The server does not know who asks, or does not allow it (401, 403)."""


class ServerRefused(NetworkError):
    """The server answered with anything else that is no success."""


class NotOnServer(ServerRefused):
    """The server does not hold what was asked for, or not any more (404, 410)."""


class JournalError(MarrowlightError):
    """The journal of the service cannot be used."""


class JournalInUse(JournalError):
    """Another service works with the journal."""


class DocumentError(MarrowlightError):
    """A document could not be made, or does not read back as it was written."""


class WeightsError(MarrowlightError):
    """Weights or parameters do not match the hash that they were shipped with."""


class KnowledgeError(MarrowlightError):
    """A data file of the package breaks its own rules."""
