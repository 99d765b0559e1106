"""A candidate: one possible series, before it is known whether it can and will be used."""

from __future__ import annotations

from dataclasses import dataclass, field

from marrowlight.errors import InputError
from marrowlight.notice import Notice
from marrowlight.study.origin import DicomOrigin
from marrowlight.study.parsed import Tags
from marrowlight.study.volume import Volume


@dataclass(eq=False)
class Candidate:
    """One volume found in the input, sound or not.

    Parameters
    ----------
    description : str
        The scanner's or the file's own name for it, with the part of a split series.
    volume : Volume or None
        None where a defect left no volume.
    tags : Tags
        Of its first slice, or of the sidecar of a NIfTI file.
    files : tuple of str
        In slice order.
    uids : dict
        As in ``Series.uids``.
    origin : DicomOrigin or None
        The DICOM images that it came from; None for NIfTI.
    part : str
        Which part of a split series this is, e.g. ``"echo 2 of 8"``.
    defect : InputError or None
        Why it must not be measured. Raised if it would have been the primary series.
    notices : list of Notice
    """

    description: str
    volume: Volume | None
    tags: Tags
    files: tuple[str, ...]
    uids: dict[str, str | list[str]] = field(default_factory=dict)
    origin: DicomOrigin | None = None
    part: str = ""
    defect: InputError | None = None
    notices: list[Notice] = field(default_factory=list)
    nifti: bool = False

    @property
    def label(self) -> str:
        """Name for messages: description and part."""
        return f"{self.description} ({self.part})" if self.part else self.description
