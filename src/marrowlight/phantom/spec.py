"""What to make: the joint, the edema in it and the scan of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from marrowlight.errors import UsageError
from marrowlight.phantom.tissue import FIELDS_T
from marrowlight.study.series import Plane, Role
from marrowlight.study.study import Joint, Side

PHANTOM_JOINTS = (Joint.KNEE, Joint.HIP, Joint.ANKLE)
FLUID_ROLES = (Role.STIR, Role.T2_FS, Role.PD_FS, Role.DIXON_WATER)
OTHER_ROLES = (Role.T1, Role.T2, Role.PD)

USUAL_FAT_SUPPRESSION = 0.94
"""Share of the fat signal that a saturation pulse takes away. Estimate."""


class Shape(StrEnum):
    """Form of a lesion."""

    BLOB = "blob"
    """A ball with an uneven outline."""
    ELLIPSOID = "ellipsoid"
    SUBCHONDRAL = "subchondral"
    """Half an ellipsoid that stands with its flat side on the joint surface."""


@dataclass(frozen=True, slots=True)
class EdemaSpec:
    """One lesion of bone marrow edema.

    Parameters
    ----------
    site : str
        A named place of the joint, e.g. ``"medial_condyle"``; see ``sites(joint)``.
    volume_mm3 : float
        Exact volume of marrow within the outline, which is where strength has fallen to half.
    strength : float
        Share of water that stands in place of marrow, 0..1. 0.2 is the mean that Noorveriandi 2022
        measured in knees with osteoarthritis.
    shape : Shape
    edge_mm : float
        Width over which strength falls from full to none; 0 is a sharp edge.
    cyst_mm3 : float
        Volume of a fluid-filled cyst in its middle; it is no edema and not part of volume_mm3.
    offset_mm : (3,) float
        Moves it from its site: R, A, S in mm.
    outline : int or None
        Which uneven outline of those of this person; None goes by its place in the list. A lesion
        that is followed over visits keeps its outline.
    """

    site: str
    volume_mm3: float
    strength: float = 0.4
    shape: Shape = Shape.BLOB
    edge_mm: float = 3.0
    cyst_mm3: float = 0.0
    offset_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    outline: int | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", Shape(self.shape))
        if not 0 < self.volume_mm3 <= 500_000:
            raise UsageError(f"A lesion of {self.volume_mm3} mm³ cannot be made.")
        if not 0 <= self.strength <= 1:
            raise UsageError(f"Edema strength is a share from 0 to 1, not {self.strength}.")
        if self.edge_mm < 0 or self.cyst_mm3 < 0:
            raise UsageError("The edge and the cyst of a lesion cannot be smaller than nothing.")


@dataclass(frozen=True, slots=True)
class Repeat:
    """A later scan of the same person: laid down anew, with new noise.

    Parameters
    ----------
    number : int
        Seed of its noise, coil shading and trabecular grain, beside that of the person.
    day : int
        Days since the first scan; the date in its DICOM files.
    turn_deg : (3,) float
        How the joint lies now, against the first scan: rotation about R, A, S through its middle.
    shift_mm : (3,) float
        By how much its middle lies elsewhere in the scanner: R, A, S.
    aim_mm : (3,) float
        By how much the field of view misses the middle of the joint: R, A, S.
    """

    number: int
    day: int = 0
    turn_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    aim_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        if not 0 <= self.number < 2**31 or self.day < 0:
            raise UsageError(
                "A repeated scan is numbered from 0 and takes place on day 0 or later."
            )


@dataclass(frozen=True, slots=True)
class PhantomSpec:
    """A digital joint and its scan. The same values give the same phantom, bit for bit.

    Parameters
    ----------
    joint, side : Joint, Side
        Knee, hip or ankle; left or right.
    sequence : Role
        The fluid-sensitive series: pdfs, stir, t2fs or dixon_water.
    also : tuple of Role
        Further series on the same grid: t1, t2, pd or another fluid-sensitive one.
    edema : tuple of EdemaSpec or None
        None takes the joint's usual lesions, ``()`` is a joint without edema.
    plane : Plane
    pixel_mm, slice_mm, gap_mm : float
        Pixel size, slice thickness, and the gap between two slices.
    fov_mm : float or None
        Side of the square image; None fits the joint.
    slices : int or None
        None covers the bones.
    tilt_deg : float
        Obliquity of the slices, so that nothing comes to rely on straight axes.
    field_t : float
        1.5 or 3.0 tesla.
    snr : float
        Signal of normal marrow over the noise SD in a PD FS image; the other fluid-sensitive
        series get the same noise.
    t1_snr : float
        Signal of normal marrow over the noise SD in series that show fat bright.
    fat_suppression : float
        Share of the fat signal that is suppressed (fat-saturated series).
    failed_suppression : float
        0..1: by how much it fails towards the lower edge of the image.
    bias : float
        Largest relative deviation of the coil's sensitivity from its mean.
    motion_mm : float
        Amplitude of periodic motion along the phase direction.
    bandwidth_hz : float or None
        Per pixel; sets the chemical shift between fat and water. None: usual for the field.
    red_marrow : float
        0..1: how much of the metaphysis holds islands of red marrow.
    seed : int
        Anatomy, texture, outline of the lesions and noise.
    samples : int
        Points per voxel that the anatomy is sampled at.
    repeat : Repeat or None
        A later scan of the same person; None is the first one.
    """

    joint: Joint = Joint.KNEE
    side: Side = Side.RIGHT
    sequence: Role = Role.PD_FS
    also: tuple[Role, ...] = (Role.T1,)
    edema: tuple[EdemaSpec, ...] | None = None
    plane: Plane | None = None
    pixel_mm: float = 0.5
    slice_mm: float = 3.0
    gap_mm: float = 0.5
    fov_mm: float | None = None
    slices: int | None = None
    tilt_deg: float = 4.0
    field_t: float = 3.0
    snr: float = 12.0
    t1_snr: float = 40.0
    fat_suppression: float = USUAL_FAT_SUPPRESSION
    failed_suppression: float = 0.0
    bias: float = 0.15
    motion_mm: float = 0.0
    bandwidth_hz: float | None = None
    red_marrow: float = 0.0
    seed: int = 1
    samples: int = 6
    # Left out of the text that identifiers are made from, so that those of a first scan stay.
    repeat: Repeat | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name, kind in (("joint", Joint), ("side", Side), ("sequence", Role)):
            object.__setattr__(self, name, kind(getattr(self, name)))
        object.__setattr__(self, "also", tuple(Role(role) for role in self.also))
        if self.plane is not None:
            object.__setattr__(self, "plane", Plane(self.plane))
        _one_of("joint", self.joint, PHANTOM_JOINTS)
        _one_of("side", self.side, (Side.LEFT, Side.RIGHT))
        _one_of("sequence", self.sequence, FLUID_ROLES)
        for role in self.also:
            _one_of("also", role, FLUID_ROLES + OTHER_ROLES)
        if self.field_t not in FIELDS_T:
            raise UsageError(
                f"No relaxation times are known at {self.field_t} T.",
                expected=" or ".join(f"{f} T" for f in FIELDS_T),
            )
        for name, low, high in (
            ("pixel_mm", 0.2, 5), ("slice_mm", 0.3, 20), ("gap_mm", 0, 20), ("samples", 1, 24),
            ("snr", 0.5, 1e6), ("t1_snr", 0.5, 1e6), ("fat_suppression", 0, 1), ("bias", 0, 0.9),
            ("failed_suppression", 0, 1), ("motion_mm", 0, 20), ("red_marrow", 0, 1),
            ("seed", 0, 2**31), ("tilt_deg", -45, 45),
        ):  # fmt: skip
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(
                    f"{name} is {value:g}.", where="phantom", expected=f"{low:g} to {high:g}"
                )

    @property
    def scan_seed(self) -> tuple[int, ...]:
        """Seed of what differs from scan to scan: noise, coil and grain."""
        return (self.seed,) if self.repeat is None else (self.seed, 2**31, self.repeat.number)

    @property
    def key(self) -> str:
        """A text that no other spec has; identifiers are made from it."""
        outlines = [one.outline for one in self.edema or () if one.outline is not None]
        parts = (repr(part) for part in (self, self.repeat, outlines) if part)
        return " ".join(parts)

    @property
    def roles(self) -> tuple[Role, ...]:
        """Every series once, the fluid-sensitive one first."""
        return tuple(dict.fromkeys((self.sequence, *self.also)))


def _one_of(name: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        raise UsageError(
            f"A phantom cannot have {name} {str(value)!r}.",
            expected="one of " + ", ".join(str(a) for a in allowed),
        )
