"""Is edema still inside bone? Lesions painted into real images, and their bones found anew.

    python -m benchmarks.bones_painted [--places 50] [--series cubequant] [--workers 2]

Places are chosen (fixed seed) in the bones that were found in the image as it is: half of them at
the edge (the lesion's centre within 2 mm of the bone's surface), half inside. At each place a ball
of 7 and of 14 mm radius is painted with a soft edge of 1.5 mm: on fat-suppressed series as bright
as the fluid about that place (95th percentile of the tissue around bone within 30 mm, at least
twice normal marrow), on the others as dark as muscle is beside fatty marrow (0.45 of marrow). Only
bone is painted, and the outermost millimetre, its cortex, keeps part of its own signal. The
texture and noise of the marrow stay.

The whole way from image to bones is run on every painted image. To save time up to five lesions
that lie at least a diameter and 10 mm apart are painted at once. A figure is the share of a
lesion's voxels (bone of the unpainted run, painted at least by half) that are still in any bone.
Besides each series alone, all series of a visit are painted alike and read as one study.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.bone_cases import (
    Kept,
    Mask,
    alone,
    bone_stamp,
    heading,
    outcome,
    parsed,
    parser_of,
    real_knees,
    run_all,
    table,
    together,
    verdict,
    write_result,
)
from marrowlight.anatomy.bonemap import BoneMap
from marrowlight.anatomy.network import OnnxNetwork
from marrowlight.study.grid import Grid
from marrowlight.study.series import Series
from marrowlight.study.study import Study
from marrowlight.study.volume import Volume, resample

SEED = 20261124
RADII_MM = (7.0, 14.0)
AT_ONCE = 5
APART_MM = 10.0
EDGE_DEPTH_MM = 2.0
INSIDE_DEPTH_MM = 6.0
"""A place inside lies at least this deep where the bone is thick enough, else as deep as it is."""
SOFT_MM = 1.5
CORTEX_MM = 1.0
AROUND_MM = 30.0
FLUID_PERCENTILE = 95.0
LEAST_OVER_MARROW = 2.0
DARK_SHARE = 0.45
LEAST_VOXELS = 20
TARGETS = {"median": 0.98, "worst_tenth": 0.90}

Place = tuple[float, float, float]


def surface_depth(inside: Mask, grid: Grid) -> NDArray[np.float32]:
    """Depth below the surface of the bones in mm; 0 outside."""
    padded = np.pad(inside, 1, mode="edge")
    depth = ndimage.distance_transform_edt(padded, sampling=grid.spacing)
    return np.asarray(depth[1:-1, 1:-1, 1:-1], np.float32)


def choose_places(bones: BoneMap, count: int, rng: np.random.Generator) -> list[tuple[str, Place]]:
    """``(where, RAS mm)`` of so many places, at the edge and inside in turn, all bones alike.

    Half are drawn from all voxels, so that large bones have most of them; none lies within 8 mm of
    the first and last slice.
    """
    depth = surface_depth(bones.mask, bones.grid)
    slices = bones.grid.shape[2]
    rim = min(int(np.ceil(8.0 / bones.grid.spacing[2])), slices // 4)
    here = np.zeros(bones.grid.shape, bool)
    here[:, :, rim : slices - rim] = True
    deep = min(INSIDE_DEPTH_MM, float(np.percentile(depth[depth > 0], 75)))
    pools = {
        "edge": np.argwhere(here & (depth > 0) & (depth <= EDGE_DEPTH_MM)),
        "inside": np.argwhere(here & (depth >= deep)),
    }
    out: list[tuple[str, Place]] = []
    for where, _ in zip(itertools.cycle(pools), range(count), strict=False):
        index = pools[where][rng.integers(len(pools[where]))]
        x, y, z = bones.grid.to_ras(index.astype(float))
        out.append((where, (float(x), float(y), float(z))))
    return out


def far_apart(places: Sequence[Place], radius: float) -> list[list[int]]:
    """Groups of at most AT_ONCE places that can be painted in one image."""
    groups: list[list[int]] = []
    least = 2 * radius + APART_MM
    for number, place in enumerate(places):
        for group in groups:
            gaps = [float(np.linalg.norm(np.subtract(place, places[m]))) for m in group]
            if len(group) < AT_ONCE and min(gaps) >= least:
                group.append(number)
                break
        else:
            groups.append([number])
    return groups


def ball(grid: Grid, place: Place, radius: float) -> tuple[tuple[slice, ...], NDArray[np.float32]]:
    """The box around a ball, and there its weight: 1 inside, 0.5 at the radius, soft between."""
    reach = radius + 3 * SOFT_MM
    middle = grid.to_index(np.array(place))
    box = tuple(
        slice(max(0, int(m - reach / s)), min(n, int(m + reach / s) + 2))
        for m, s, n in zip(middle, grid.spacing, grid.shape, strict=True)
    )
    index = np.stack(np.meshgrid(*[np.arange(b.start, b.stop) for b in box], indexing="ij"), -1)
    gap = np.linalg.norm(grid.to_ras(index.astype(float)) - np.array(place), axis=-1)
    return box, (1 / (1 + np.exp((gap - radius) / (SOFT_MM / 2)))).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Canvas:
    """A series to paint on: where bone is on its grid, how deep, and its normal marrow."""

    series: Series
    inside: Mask
    depth: NDArray[np.float32]
    marrow: float


def canvas_of(series: Series, bones: BoneMap) -> Canvas:
    """Bones carried onto the grid of a series; bones : on any grid."""
    inside = bones.onto(series.volume.grid).mask
    depth = surface_depth(inside, series.volume.grid)
    image = series.volume.voxels
    marrow = float(np.median(image[depth > 3.0])) if (depth > 3.0).any() else float(image.max())
    return Canvas(series, inside, depth, marrow)


def paint(canvas: Canvas, places: Sequence[Place], radius: float) -> NDArray[np.float32]:
    """The image of a series with lesions in its bones."""
    grid, image = canvas.series.volume.grid, canvas.series.volume.voxels
    bright = canvas.series.role.fluid_sensitive
    out = np.array(image)
    for place in places:
        box, weight = ball(grid, place, radius)
        if not weight.size:
            continue
        near = _around(grid, place)
        level = level_there(image[near], canvas.inside[near], canvas.marrow, bright=bright)
        part = out[box]
        smooth = ndimage.gaussian_filter(part, [2.0 / s for s in grid.spacing])
        w = weight * np.clip(canvas.depth[box] / CORTEX_MM, 0, 1)
        # The mean moves to the level, the texture about the mean stays.
        out[box] = np.maximum(part + w * (level - smooth), 0)
    return out


def _around(grid: Grid, place: Place) -> tuple[slice, ...]:
    middle = grid.to_index(np.array(place))
    return tuple(
        slice(max(0, int(m - AROUND_MM / s)), max(1, min(n, int(m + AROUND_MM / s) + 1)))
        for m, s, n in zip(middle, grid.spacing, grid.shape, strict=True)
    )


def level_there(image: NDArray[np.float32], inside: Mask, marrow: float, *, bright: bool) -> float:
    """Intensity of a lesion from the image about its place; marrow : of the whole image."""
    own = image[inside]
    local = float(np.median(own)) if own.size > 100 else marrow
    if not bright:
        return DARK_SHARE * local
    tissue = image[~inside & (image > 0.3 * marrow)]
    fluid = float(np.percentile(tissue, FLUID_PERCENTILE)) if tissue.size > 100 else 0.0
    return max(fluid, LEAST_OVER_MARROW * local)


def paint_study(
    study: Study, canvases: Sequence[Canvas], places: Sequence[Place], radius: float
) -> Study:
    """All series of a study with the same lesions; canvases : one per series."""
    return replace(
        study,
        series=tuple(
            replace(c.series, volume=Volume(paint(c, places, radius), c.series.volume.grid))
            for c in canvases
        ),
    )


def kept_share(before: BoneMap, after: BoneMap, place: Place, radius: float) -> float | None:
    """Share of a lesion's bone that is still bone; None if the lesion has too few voxels."""
    box, weight = ball(before.grid, place, radius)
    lesion = before.mask[box] & (weight >= 0.5)
    if int(lesion.sum()) < LEAST_VOXELS:
        return None
    still = after.mask
    if not before.grid.matches(after.grid, 1e-4):
        still = resample(after.mask.astype(np.uint8), after.grid, before.grid, labels=True) > 0
    return float(still[box][lesion].mean())


@dataclass(frozen=True, eq=False)
class Unpainted:
    """A study as it is: its bones, or why there are none; its canvases and places."""

    study: Study
    bones: BoneMap | None
    unread: str = ""
    canvases: tuple[Canvas, ...] = ()
    places: tuple[tuple[str, Place], ...] = ()


_loaded: dict[tuple[str, str, int], Unpainted] = {}
"""The study that a worker is at: opening it and finding its bones takes longer than painting."""


def unpainted(network: OnnxNetwork, data: str, name: str, places: int) -> Unpainted:
    """A study with its bones and the places for lesions; the last one is kept."""
    key = (data, name, places)
    if key not in _loaded:
        _loaded.clear()
        study = study_named(Path(data), name)
        start = outcome(study, network)
        if start.found is None:
            _loaded[key] = Unpainted(study, None, start.said)
        else:
            bones = start.found.bones
            chosen = choose_places(bones, places, np.random.default_rng(SEED))
            canvases = tuple(canvas_of(s, bones) for s in study.series)
            _loaded[key] = Unpainted(study, bones, "", canvases, tuple(chosen))
    return _loaded[key]


def study_named(data: Path, name: str) -> Study:
    """``cubequant``, ``multiecho echo 3``, ``multiecho fused`` or ``cubequant+qdess2 fused``."""
    if name == "cubequant+qdess2 fused":
        return together(*real_knees(data, ("cubequant", "qdess2")).values())
    folder, _, which = name.partition(" ")
    study = real_knees(data, (folder,))[folder]
    if which == "fused":
        return study
    return alone(study, study.series[int(which.split()[1]) - 1 if which else 0])


def run_one(network: OnnxNetwork, job: dict[str, Any]) -> dict[str, Any]:
    """Paint one group of places of one study, find its bones, and tell what is left."""
    start = unpainted(network, job["data"], job["name"], job["places"])
    before = start.bones
    if before is None:
        return {"unread": start.unread, "lesions": []}
    groups = far_apart([p for _, p in start.places], job["radius"])
    if job["group"] >= len(groups):
        return {"unread": "", "lesions": []}
    mine = [start.places[n] for n in groups[job["group"]]]
    painted = paint_study(start.study, start.canvases, [p for _, p in mine], job["radius"])
    result = outcome(painted, network)
    lesions = []
    for where, place in mine:
        box, weight = ball(before.grid, place, job["radius"])
        voxels = np.bincount(before.labels[box][weight >= 0.5], minlength=256)[1:]
        label = int(voxels.argmax()) + 1
        bone = next((b.bone for b in before.bones if b.label == label), "")
        share = 0.0
        if result.found is not None:
            left = kept_share(before, result.found.bones, place, job["radius"])
            if left is None:
                continue
            share = left
        lesions.append({"where": where, "bone": bone, "ras_mm": [round(v, 1) for v in place],
                        "share": round(share, 4)})  # fmt: skip
    return {"unread": "" if result.found else result.said, "lesions": lesions}


def shares_of(lesions: Sequence[Mapping[str, Any]]) -> dict[str, float | int]:
    """Median, worst tenth and worst of the shares that are left."""
    shares = np.array([x["share"] for x in lesions], float)
    if not len(shares):
        return {"lesions": 0, "median": float("nan"), "worst_tenth": float("nan")}
    return {
        "lesions": len(shares),
        "median": float(np.median(shares)),
        "worst_tenth": float(np.percentile(shares, 10)),
        "worst": float(shares.min()),
    }


def main() -> None:
    parser = parser_of("bones_painted", __doc__)
    parser.add_argument("--places", type=int, default=50, help="per series")
    parser.add_argument("--series", nargs="*", help="only these, by the names of the table")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--groups", type=int, help="only so many images per radius: a quick look")
    options = parsed(parser)
    names = [f"multiecho echo {n}" for n in range(1, 9)]
    names += ["cubequant", "qdess2", "multiecho fused", "cubequant+qdess2 fused"]
    names = [n for n in names if not options.series or n in options.series]
    # The number of groups follows from the places; jobs of groups that are not there cost nothing.
    most = options.groups or options.places
    jobs = {
        f"{name}/{radius:g}/{options.places}/{group}": {
            "data": str(options.data), "name": name, "radius": radius, "group": group,
            "places": options.places,
        }
        for name in names for radius in RADII_MM for group in range(most)
    }  # fmt: skip
    kept = Kept("bones_painted", options.network)
    lesions: dict[str, dict[str, list[dict[str, Any]]]] = {}
    unread: dict[str, int] = {}
    for key, result in run_all(
        run_one, jobs, kept, weights=options.weights, workers=options.workers
    ):
        name, radius = key.split("/")[:2]
        lesions.setdefault(name, {}).setdefault(radius, []).extend(result["lesions"])
        unread[name] = unread.get(name, 0) + bool(result["unread"])
    made = bone_stamp(options.network)
    rows, summary = [], {}
    for name in names:
        every = [x for many in lesions[name].values() for x in many]
        figures: dict[str, Any] = {"all": shares_of(every), "images_refused": unread[name]}
        for radius, where in itertools.product(lesions[name], ("edge", "inside")):
            part = [x for x in lesions[name][radius] if x["where"] == where]
            figures[f"{radius} mm {where}"] = shares_of(part)
        summary[name] = figures
        parts = [figures[f"{r:g} mm {w}"] for r in RADII_MM for w in ("edge", "inside")]
        a = figures["all"]
        good = all(verdict(a[k], t) == "reached" for k, t in TARGETS.items())
        rows.append([name, a["lesions"], a["median"], a["worst_tenth"],
                     "reached" if good else "missed", unread[name],
                     *(f"{p['median']:.3f} / {p['worst_tenth']:.3f}" for p in parts)])  # fmt: skip
    lines = heading(
        "Painted edema: share that is still inside bone", made,
        f"{options.places} places per series, radius 7 and 14 mm; up to {AT_ONCE} lesions far apart"
        " in one image. Bright on fat-suppressed series, dark on the others.",
        f"Target: median {TARGETS['median']}, worst tenth {TARGETS['worst_tenth']}.",
    )  # fmt: skip
    heads = [f"{r:g} mm {w}" for r in RADII_MM for w in ("edge", "inside")]
    lines += table(
        ["series", "lesions", "median", "worst tenth", "target", "images refused", *heads], rows
    )
    report = {"stamp": made, "places": options.places, "summary": summary, "lesions": lesions}
    write_result(options.output, report, "\n".join(lines))


if __name__ == "__main__":
    main()
