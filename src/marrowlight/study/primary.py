"""Which fluid-sensitive series edema is read on: one stated rule, and its reason in words."""

from __future__ import annotations

from collections.abc import Sequence

from marrowlight.study.series import Plane, Role, Series
from marrowlight.study.study import Joint

RULE = (
    "a series named by the user; then spin echo before gradient echo; then the plane in which the "
    "joint is usually scored; then STIR, T2, PD, Dixon water in this order; then the larger "
    "covered volume; then the smaller voxel"
)
"""The order in which candidates are compared."""

SCORED_PLANE = {
    Joint.KNEE: Plane.SAGITTAL,
    Joint.HIP: Plane.CORONAL,
    Joint.ANKLE: Plane.SAGITTAL,
    Joint.SACROILIAC: Plane.CORONAL,
}
"""Knee: MOAKS (Hunter 2011, Osteoarthritis Cartilage 19:990). Hip: HIMRISS and SHOMRI, coronal.
Sacroiliac: SPARCC (Maksymowych 2005, Arthritis Rheum 53:703), semicoronal."""

ROLE_ORDER = (Role.STIR, Role.T2_FS, Role.PD_FS, Role.DIXON_WATER, Role.GRE_FS)

SAME_COVERAGE = 0.1
"""Covered volumes within this share of each other count as equal."""


def choose_primary(
    series: Sequence[Series], joint: Joint, named: Sequence[str] = ()
) -> tuple[str | None, str]:
    """Id of the primary series and the reason in words; (None, reason) if none is fluid-sensitive.

    named : ids of series whose role the user gave.
    """
    found = [s for s in series if s.role.fluid_sensitive]
    if not found:
        return None, "no fluid-sensitive series"
    if len(found) == 1:
        return found[0].id, "the only fluid-sensitive series"
    ranked = sorted(found, key=lambda s: _rank(s, joint, named))
    best, second = ranked[0], ranked[1]
    why = _why(_rank(best, joint, named), _rank(second, joint, named), best, joint)
    return best.id, f"{len(found)} series are fluid-sensitive; {best.id} was chosen: {why}"


def _rank(s: Series, joint: Joint, named: Sequence[str]) -> tuple[float, ...]:
    grid = s.volume.grid
    plane = SCORED_PLANE.get(joint)
    # Steps of a tenth in the logarithm: a slice more or less decides nothing.
    import math

    covered = grid.voxel_volume_mm3 * math.prod(grid.shape)
    return (
        s.id not in named,
        s.role is Role.GRE_FS,
        plane is not None and s.plane is not plane,
        ROLE_ORDER.index(s.role),
        -round(math.log(covered) / SAME_COVERAGE),
        round(grid.voxel_volume_mm3, 6),
    )


def _why(best: tuple[float, ...], second: tuple[float, ...], s: Series, joint: Joint) -> str:
    reasons = (
        "it was named by the user",
        "it is a spin echo, and gradient echo under-reads edema",
        f"it is {s.plane.value}, the plane in which a {joint.value} is usually scored",
        f"{s.role.value} comes before the others in the order STIR, T2, PD, Dixon water",
        "it covers the larger volume",
        "its voxels are smaller",
    )
    for reason, a, b in zip(reasons, best, second, strict=True):
        if a != b:
            return reason
    return "it comes first, all else being equal"
