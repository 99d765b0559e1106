"""A series: one image volume of a study, what kind of image it is, and how that is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from marrowlight.notice import Notice
from marrowlight.study.origin import DicomOrigin
from marrowlight.study.volume import Volume


class Role(StrEnum):
    """What an image shows. The first six are fluid-sensitive with fat suppressed."""

    STIR = "stir"
    T2_FS = "t2fs"
    PD_FS = "pdfs"
    DIXON_WATER = "dixon_water"
    GRE_FS = "gre_fs"
    """Water-selective gradient echo (DESS-like) or T1rho preparation: under-reads edema."""
    T1 = "t1"
    T2 = "t2"
    PD = "pd"
    CONTRAST = "contrast"
    OTHER = "other"

    @property
    def fluid_sensitive(self) -> bool:
        """Whether edema in marrow is read on such an image."""
        return self in FLUID_SENSITIVE


FLUID_SENSITIVE = (Role.STIR, Role.T2_FS, Role.PD_FS, Role.DIXON_WATER, Role.GRE_FS)


class Plane(StrEnum):
    """Main plane of the slices as scanned."""

    SAGITTAL = "sagittal"
    CORONAL = "coronal"
    AXIAL = "axial"


@dataclass(frozen=True, eq=False)
class Series:
    """One volume of a study.

    Parameters
    ----------
    id : str
        Short and stable within the study, safe to show and to use in a file name: ``s1``, ``s2``...
    volume : Volume
    role : Role
    role_evidence : tuple of str
        What the role was concluded from, e.g. ``("TI 150 ms", "name has 'stir'")``.
    description : str
        The scanner's or the file's own name for it. Untrusted text: escape before showing.
    plane : Plane
    slice_thickness_mm : float or None
        Nominal thickness; grid.spacing[2] is the centre-to-centre distance.
    sequence : dict
        Numbers kept for the record: te_ms, tr_ms, ti_ms, flip_deg, field_t, manufacturer (only
        those known).
    sources : tuple of str
        Paths of the files it came from (members of an archive as ``archive.zip!member``).
    uids : dict
        study, series, frame_of_reference and sop (list, in slice order); empty for NIfTI.
        Identifying: only source.json may hold them.
    origin : DicomOrigin or None
        The DICOM images that it came from; None for NIfTI. Identifying as well.
    notices : tuple of Notice
    """

    id: str
    volume: Volume
    role: Role
    role_evidence: tuple[str, ...]
    description: str
    plane: Plane
    slice_thickness_mm: float | None = None
    sequence: dict[str, float | str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    uids: dict[str, str | list[str]] = field(default_factory=dict)
    origin: DicomOrigin | None = None
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True)
class SetAside:
    """A file or series that was found and is not used, with the reason."""

    name: str
    reason: str
    files: int = 1
