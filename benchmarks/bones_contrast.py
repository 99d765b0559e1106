"""Bones of one real knee on several contrasts: do they agree?

    python -m benchmarks.bones_contrast [--data ../shared/data]

Each echo of the multi-echo knee on its own, against the first echo. And CubeQuant against the
second qDESS echo of another knee: two series with other slices, between which the knee may have
moved and bent. So their label maps are compared as they lie, after one rigid motion of the whole
knee, and after a rigid motion of each bone alone (on distance maps of the outlines, never on the
images; compared where both fields of view reach). Agreement is not accuracy: what every contrast
gets wrong does not show.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.bone_cases import (
    KNEES,
    Outcome,
    alone,
    bone_mask,
    bone_stamp,
    dice,
    heading,
    outcome,
    parsed,
    parser_of,
    real_knees,
    table,
    verdict,
    volumes_ml,
    write_result,
)
from marrowlight.anatomy.bonemap import BoneMap
from marrowlight.study.grid import Grid
from marrowlight.study.volume import resample

BONES = ("femur", "tibia", "patella")
ECHO_TARGET = {"femur": 0.98, "tibia": 0.98, "patella": 0.96}
SERIES_TARGET = {"femur": 0.94, "tibia": 0.94, "patella": 0.86}
STEP_MM = 1.0
"""Of the grid on which outlines are brought together."""
FAR_MM = 8.0
"""Distances beyond this from an outline count no more: far from bone nothing is to be matched."""

Depth = NDArray[np.float32]


def depth_on(inside: NDArray[np.bool_], grid: Grid, onto: Grid) -> Depth:
    """Signed distance to the outline in mm, above zero inside; -FAR_MM beyond the field."""
    depth = ndimage.distance_transform_edt(inside, sampling=grid.spacing)
    depth -= ndimage.distance_transform_edt(~inside, sampling=grid.spacing)
    depth = depth.clip(-FAR_MM, FAR_MM).astype(np.float32)
    moved = resample(depth, grid, onto, outside=-FAR_MM)
    return np.asarray(moved, np.float32)


def even_grid(grid: Grid, step: float) -> Grid:
    """A grid along X, Y and Z with equal steps, over the field of another."""
    corners = grid.corners()
    low, high = corners.min(axis=0), corners.max(axis=0)
    affine = np.diag([step, step, step, 1.0])
    affine[:3, 3] = low
    shape = np.ceil((high - low) / step).astype(int) + 1
    return Grid((int(shape[0]), int(shape[1]), int(shape[2])), affine)


def rigid(fixed: Depth, moving: Depth, grid: Grid, seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(4, 4) RAS mm of the fixed map to RAS mm of the moving one that makes them alike.

    Both on the same grid along X, Y and Z; seen : where both fields of view reach.
    """
    import SimpleITK

    def image(array: NDArray[Any]) -> SimpleITK.Image:
        out = SimpleITK.GetImageFromArray(np.ascontiguousarray(array.transpose(2, 1, 0)))
        out.SetSpacing(grid.spacing)
        return out

    registration = SimpleITK.ImageRegistrationMethod()
    registration.SetMetricAsMeanSquares()
    # Near the outlines only: where both maps are flat there is nothing to learn.
    near = seen & (np.minimum(np.abs(fixed), np.abs(moving)) < FAR_MM)
    registration.SetMetricFixedMask(image(near.astype(np.uint8)))
    registration.SetInterpolator(SimpleITK.sitkLinear)
    registration.SetOptimizerAsRegularStepGradientDescent(0.5, 1e-4, 300)
    registration.SetOptimizerScalesFromPhysicalShift()
    registration.SetShrinkFactorsPerLevel([3, 1])
    registration.SetSmoothingSigmasPerLevel([1, 0])
    centre = np.argwhere(fixed > 0).mean(axis=0) * grid.spacing
    start = SimpleITK.Euler3DTransform()
    start.SetCenter(centre.tolist())
    registration.SetInitialTransform(start, inPlace=False)
    one = SimpleITK.ImageRegistrationMethod.Execute(registration, image(fixed), image(moving))
    points = np.vstack([np.zeros(3), np.eye(3)])
    moved = np.array([one.TransformPoint(p.tolist()) for p in points])
    local = np.eye(4)
    local[:3, :3], local[:3, 3] = (moved[1:] - moved[0]).T, moved[0]
    place = np.eye(4)
    place[:3, 3] = grid.affine[:3, 3]
    out: NDArray[np.float64] = place @ local @ np.linalg.inv(place)
    return out


def motion_size(matrix: NDArray[np.float64], at: NDArray[np.float64]) -> tuple[float, float]:
    """(shift in mm of a point, turn in degrees)."""
    shift = float(np.linalg.norm(matrix[:3, :3] @ at + matrix[:3, 3] - at))
    turn = float(np.degrees(np.arccos(np.clip((np.trace(matrix[:3, :3]) - 1) / 2, -1, 1))))
    return shift, turn


def aligned(one: BoneMap, two: BoneMap, step: float = STEP_MM) -> dict[str, dict[str, Any]]:
    """Dice of each bone of two maps: as they lie, after a motion of the knee, of each bone."""
    grid = even_grid(one.grid, step)
    here = np.ones(two.grid.shape, np.float32)
    union = [depth_on(m.mask, m.grid, grid) for m in (one, two)]
    seen = resample(here, two.grid, grid) > 0.5
    seen &= resample(np.ones(one.grid.shape, np.float32), one.grid, grid) > 0.5
    knee = rigid(union[0], union[1], grid, seen)
    out: dict[str, dict[str, Any]] = {}
    for name in BONES:
        masks = [bone_mask(m, name) for m in (one, two)]
        if not all(m.any() for m in masks):
            out[name] = {"before": 0.0, "knee": 0.0, "bone": 0.0}
            continue
        depths = [depth_on(m, b.grid, grid) for m, b in zip(masks, (one, two), strict=True)]
        own = rigid(depths[0], depths[1], grid, seen)
        middle = one.grid.to_ras(np.argwhere(masks[0]).mean(axis=0))
        shift, turn = motion_size(own, middle)
        out[name] = {
            "before": carried_dice(masks[0], one.grid, masks[1], two.grid, np.eye(4)),
            "knee": carried_dice(masks[0], one.grid, masks[1], two.grid, knee),
            "bone": carried_dice(masks[0], one.grid, masks[1], two.grid, own),
            "bone_shift_mm": shift,
            "bone_turn_deg": turn,
        }
    return out


def carried_dice(
    fixed: NDArray[np.bool_],
    grid: Grid,
    moving: NDArray[np.bool_],
    from_grid: Grid,
    motion: NDArray[np.float64],
) -> float:
    """Dice on the grid of ``fixed``, of the outline carried there by a motion, where both see."""
    # A motion of RAS points is the same as another place of the moving grid.
    place = Grid(from_grid.shape, np.linalg.inv(motion) @ from_grid.affine)
    depth = ndimage.distance_transform_edt(moving, sampling=from_grid.spacing)
    depth -= ndimage.distance_transform_edt(~moving, sampling=from_grid.spacing)
    there = resample(depth.astype(np.float32), place, grid, outside=-99.0) > 0
    seen = resample(np.ones(from_grid.shape, np.float32), place, grid) > 0.5
    return dice(fixed & seen, there & seen)


def against_first(outcomes: dict[str, Outcome]) -> dict[str, dict[str, float]]:
    """Dice of every echo with the first one, by echo and bone; 0 for a bone that is not read."""
    first, *others = outcomes.items()
    out = {}
    for key, other in others:
        out[key] = {
            name: _dice(first[1].found.bones, other.found.bones, name)
            if first[1].found and other.found
            else 0.0
            for name in BONES
        }
    return out


def _dice(one: BoneMap, two: BoneMap, name: str) -> float:
    value = dice(bone_mask(one, name), bone_mask(two, name))
    return value if np.isfinite(value) else 0.0


def main() -> None:
    options = parsed(parser_of("bones_contrast", __doc__))
    knees = real_knees(options.data)
    made = bone_stamp(options.network)
    echoes = {}
    for n, series in enumerate(knees["multiecho"].series, start=1):
        echoes[f"echo {n}"] = outcome(alone(knees["multiecho"], series), options.network)
        print(f"echo {n}: {echoes[f'echo {n}'].said}", flush=True)
    pairs = against_first(echoes)
    lines = heading(
        "Bones of one knee on several contrasts", made,
        "A bone that is not read counts as Dice 0.", "",
        f"Multi-echo knee ({KNEES['multiecho']}), each echo alone against the first.",
    )  # fmt: skip
    lines += table(
        ["pair", *BONES], [[f"echo 1, {k}", *(v[b] for b in BONES)] for k, v in pairs.items()]
    )
    summary: dict[str, Any] = {}
    rows = []
    for name in BONES:
        values = [v[name] for v in pairs.values()]
        least, mean = float(np.min(values)), float(np.mean(values))
        reached = verdict(least, ECHO_TARGET[name])
        summary[name] = {"min": least, "mean": mean, "target": ECHO_TARGET[name], "of_min": reached}
        rows.append([name, least, mean, ECHO_TARGET[name], reached])
    lines += table(["echoes", "least", "mean", "target", "least against it"], rows)
    series = {k: outcome(knees[k], options.network) for k in ("cubequant", "qdess2")}
    for key, one in series.items():
        print(f"{key}: {one.said}", flush=True)
    one, two = (series[k].found for k in ("cubequant", "qdess2"))
    between = aligned(one.bones, two.bones) if one and two else {}
    lines += ["CubeQuant against qDESS echo 2, one knee; one of the two is moved rigidly.", ""]
    rows = []
    for name in BONES if between else ():
        r = between[name]
        r["target"], r["of_knee"] = SERIES_TARGET[name], verdict(r["knee"], SERIES_TARGET[name])
        rows.append([name, r["before"], r["knee"], r["bone"],
                     f"{r.get('bone_shift_mm', 0):.1f} mm, {r.get('bone_turn_deg', 0):.1f}°",
                     r["target"], r["of_knee"]])  # fmt: skip
    lines += table(
        ["bone", "as they lie", "knee moved", "each bone moved", "its motion", "target",
         "knee moved against it"], rows
    )  # fmt: skip
    volumes = {
        key: volumes_ml(o.found.bones) if o.found else {} for key, o in {**echoes, **series}.items()
    }
    lines += ["Volumes in the field of view, ml.", ""]
    names = [*BONES, "fibula"]
    lines += table(
        ["series", *names],
        [
            [k, *(f"{v[n]:.1f}" if n in v else "not read" for n in names)]
            for k, v in volumes.items()
        ],
    )
    said = {key: o.said for key, o in {**echoes, **series}.items()}
    report = {"stamp": made, "echoes": summary, "echo_pairs": pairs, "series": between,
              "volumes_ml": volumes, "said": said}  # fmt: skip
    write_result(options.output, report, "\n".join(lines))


if __name__ == "__main__":
    main()
