"""A study: all images of one visit of one patient, with the joint and the side."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from marrowlight.errors import NoFluidSensitiveSeries
from marrowlight.notice import Notice
from marrowlight.study.series import Role, Series, SetAside


class Joint(StrEnum):
    """The joint that a study shows; ``other`` is no joint that is read here."""

    HIP = "hip"
    KNEE = "knee"
    ANKLE = "ankle"
    SACROILIAC = "sacroiliac"
    OTHER = "other"
    UNKNOWN = "unknown"


class Side(StrEnum):
    """The side of a joint or bone; ``unknown`` is a legal answer."""

    LEFT = "left"
    RIGHT = "right"
    MIDLINE = "midline"
    UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class Study:
    """What a scanner gave for one visit.

    Parameters
    ----------
    series : tuple of Series
        In a fixed order; ids ``s1``, ``s2``...
    set_aside : tuple of SetAside
        What was found and not used, with the reason.
    joint, side : Joint, Side
    joint_evidence, side_evidence : tuple of str
    primary_id : str or None
        Id of the fluid-sensitive series that edema is read on; None if there is none.
    primary_reason : str
        The rule that picked it, in words.
    identity : dict
        patient_id, study_date and the like. Identifying: only source.json may hold it.
    notices : tuple of Notice
    """

    series: tuple[Series, ...]
    set_aside: tuple[SetAside, ...]
    joint: Joint
    joint_evidence: tuple[str, ...]
    side: Side
    side_evidence: tuple[str, ...]
    primary_id: str | None
    primary_reason: str
    identity: dict[str, str] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()

    @property
    def primary(self) -> Series:
        """The fluid-sensitive series that edema is read on.

        Raises NoFluidSensitiveSeries if the study has none.
        """
        for one in self.series:
            if one.id == self.primary_id:
                return one
        roles = ", ".join(f"{s.id} {s.role.value}" for s in self.series) or "none"
        raise NoFluidSensitiveSeries(
            f"No fluid-sensitive fat-suppressed series was found (series: {roles}).",
            expected="a STIR, fat-suppressed T2 or PD, Dixon water or DESS-like series",
            do="name it with --series stir=FILE (or pdfs=, t2fs=) if one of these is it; "
            "`marrowlight inspect` shows what was seen in each",
        )

    def fluid_sensitive(self) -> tuple[Series, ...]:
        """All fluid-sensitive series, the primary one first."""
        found = [s for s in self.series if s.role.fluid_sensitive]
        return tuple(sorted(found, key=lambda s: s.id != self.primary_id))

    def first(self, role: Role) -> Series | None:
        """The first series of a role, or None."""
        return next((s for s in self.series if s.role is role), None)
