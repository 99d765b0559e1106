"""The zones of the real knee label maps: how large, mirrored alike, and the same at a second visit.

    python -m benchmarks.zones_knee

Reads every label map of ``anatomy/knee`` (without a side: their shape decides). For people with
two visits each bone of the second is laid rigidly on the first, and the zones of voxels that are
bone in both are compared. Prints a table and writes zones_knee.json and .md.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections import Counter
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from benchmarks.stamp import RESULTS, data_root, stamp
from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.anatomy.cloud import cloud_of
from marrowlight.anatomy.zonemap import ZoneMap
from marrowlight.anatomy.zones_of import zones_of
from marrowlight.study.grid import Grid
from marrowlight.study.study import Joint

BONES = {"femur": (1, 7), "tibia": (3, 8), "patella": (5, 9)}
"""Labels of each bone in the maps: marrow, and the lesions in it."""

EVERY = 2
"""Every second voxel along the slice is read: 0.73 mm are enough, and four times as fast."""

MIRROR_EVERY = 4

SYSTEMS = ("moaks", "worms", "bloks")
KEPT = 0.8
"""Share of surface points, the nearest, that take part in a registration: field of view and
osteophytes differ between visits."""


def knee_map(path: Path) -> BoneMap:
    """The bones of a label map, lesions put back into them; no side."""
    image = nib.load(path)
    given = np.ascontiguousarray(np.asarray(image.dataobj)[:, ::EVERY, ::EVERY], np.uint8)
    affine = image.affine @ np.diag([1.0, EVERY, EVERY, 1.0])
    numbers = {"femur": 1, "tibia": 2, "patella": 4}
    labels = np.zeros(given.shape, np.uint8)
    for bone, those in BONES.items():
        labels[np.isin(given, those)] = numbers[bone]
    bones = tuple(LabelledBone(n, bone) for bone, n in numbers.items())
    return BoneMap(labels, Grid(given.shape, affine), bones, path.name)


def mirrored(bones: BoneMap) -> BoneMap:
    grid = Grid(bones.grid.shape, np.diag([-1.0, 1.0, 1.0, 1.0]) @ bones.grid.affine)
    return BoneMap(bones.labels, grid, bones.bones, bones.source)


def turn(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation by a vector of small angles (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def laid_on(first: BoneMap, second: BoneMap, bone: LabelledBone) -> tuple[NDArray, NDArray, float]:
    """Rotation, shift (RAS mm, first to second visit) and mean gap in mm of a rigid registration.

    Point to plane, trimmed: point to point slides along smooth bone and stops degrees short.
    """
    one, two = cloud_of(first, bone), cloud_of(second, bone)
    assert one is not None
    assert two is not None
    points, surface = one.surface[:: max(1, len(one.surface) // 4000)], two.surface
    tree, inner = cKDTree(surface), cKDTree(two.inside[::2])
    _, near = inner.query(surface, k=40)
    normal = surface - two.inside[::2][near].mean(axis=1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
    rotation, shift = np.eye(3), _anchor(two.inside, bone) - _anchor(one.inside, bone)
    middle, gap = points.mean(axis=0), np.inf
    for step in range(90):
        moved = points @ rotation.T + shift
        away, nearest = tree.query(moved)
        use = away <= np.quantile(away, KEPT)
        at, on, across = moved[use], surface[nearest[use]], normal[nearest[use]]
        pivot = rotation @ middle + shift
        if step < 12:  # point to point first, from afar
            a, b = at - at.mean(axis=0), on - on.mean(axis=0)
            u, _, v = np.linalg.svd(a.T @ b)
            more = v.T @ np.diag([1, 1, np.sign(np.linalg.det(v.T @ u.T))]) @ u.T
            rotation = more @ rotation
            shift = more @ (shift - at.mean(axis=0)) + on.mean(axis=0)
            continue
        off = ((at - on) * across).sum(axis=1)
        weight = 1 / (1 + (off / 0.7) ** 2)
        system = np.hstack([np.cross(at - pivot, across), across])
        move = np.linalg.solve((system * weight[:, None]).T @ system,
                               -(system * weight[:, None]).T @ off)  # fmt: skip
        more = turn(move[:3])
        rotation, shift = more @ rotation, more @ (shift - pivot) + pivot + move[3:]
        gap = float(np.abs(off).mean())
        if np.abs(move).max() < 1e-4:
            break
    return rotation, shift, gap


def _anchor(inside: NDArray[np.float64], bone: LabelledBone) -> NDArray[np.float64]:
    """Middle of the part of a bone that every field of view shows."""
    z = inside[:, 2]
    if bone.bone == "femur":
        inside = inside[z < np.percentile(z, 0.1) + 45]
    elif bone.bone == "tibia":
        inside = inside[z > np.percentile(z, 99.9) - 30]
    return np.asarray(inside.mean(axis=0))


def second_visit(
    first: BoneMap, one: ZoneMap, second: BoneMap, two: ZoneMap
) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Per system: share of voxels of bone in both visits with equal zones; the same of voxels that
    are in a zone in either; and per bone for MOAKS."""
    same: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for bone in first.bones:
        rotation, shift, _ = laid_on(first, second, bone)
        index = np.argwhere(first.of(bone))[::4]
        there = second.grid.to_index(first.grid.to_ras(index.astype(float)) @ rotation.T + shift)
        both = ndimage.map_coordinates(second.labels, there.T, order=0, cval=0) == bone.label
        index, there = index[both], there[both]
        for system in SYSTEMS:
            a = one.maps[system][tuple(index.T)]
            b = ndimage.map_coordinates(two.maps[system], there.T, order=0, cval=0)
            in_zone = (a > 0) | (b > 0)
            for key, use in ((system, slice(None)), (f"{system} zones", in_zone)):
                same[key] += int((a == b)[use].sum())
                whole[key] += len(a[use])
            if system == "moaks":
                same[f"bone {bone.bone}"] += int((a == b).sum())
                whole[f"bone {bone.bone}"] += len(a)
    share = {k: same[k] / whole[k] for k in whole}
    return (
        {s: share[s] for s in SYSTEMS},
        {s: share[f"{s} zones"] for s in SYSTEMS},
        {b: share[f"bone {b}"] for b in BONES},
    )


def _person(path: Path) -> str:
    """Only the ``akoa`` files hold two visits of a person; every other file is a person."""
    name = path.name.removesuffix(".nii.gz")
    return name.rsplit("_", 1)[0] if name.startswith("akoa") else name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="*", help="people (part of the file name)")
    parser.add_argument("--no-write", action="store_true")
    asked = parser.parse_args()
    root = data_root()
    if root is None:
        sys.exit("no real data found: set MARROWLIGHT_DATA or place ../shared/data")
    paths = sorted((root / "anatomy" / "knee").glob("*.nii.gz"))
    paths = [p for p in paths if not asked.only or any(o in p.name for o in asked.only)]
    volumes: dict[str, dict[str, list[float]]] = {s: {} for s in SYSTEMS}
    sides: Counter[str] = Counter()
    unplaced: dict[str, list[list[str]]] = {}
    mirror: dict[str, float] = {}
    seen: list[str] = []
    visits: dict[str, dict[str, object]] = {}
    for person, files in itertools.groupby(paths, _person):
        before: tuple[BoneMap, ZoneMap] | None = None
        for path in files:
            name = path.name.removesuffix(".nii.gz")
            bones = knee_map(path)
            zones = zones_of(bones, joint=Joint.KNEE)
            seen.append(name)
            if len(seen) % MIRROR_EVERY == 1:
                other = zones_of(mirrored(bones), joint=Joint.KNEE)
                mirror[name] = max(
                    float((zones.maps[s] != other.maps[s])[bones.mask].mean()) for s in SYSTEMS
                )
            text = " ".join(n.text for n in zones.notices)
            sides["right" if text.endswith("right.") else "left" if "left" in text else "?"] += 1
            if zones.unplaced:
                unplaced[name] = [list(u) for u in zones.unplaced]
            for system in SYSTEMS:
                for zone in zones.of_system(system):
                    volumes[system].setdefault(zone.id, []).append(zones.volume_mm3(zone))
            if before is not None:
                every, inside, by_bone = second_visit(*before, bones, zones)
                visits[person] = {"all": every, "in_zones": inside, "moaks_by_bone": by_bone}
                print(person, {k: f"{v:.3f}" for k, v in every.items()},
                      {k: f"{v:.3f}" for k, v in inside.items()},
                      {k: f"{v:.3f}" for k, v in by_bone.items()}, flush=True)  # fmt: skip
            before = (bones, zones)
    print(
        "maps",
        len(seen),
        "mirror",
        max(mirror.values()),
        "sides",
        dict(sides),
        "unplaced",
        unplaced,
    )
    if not asked.no_write:
        _write(len(seen), volumes, sides, unplaced, mirror, visits)


def _write(
    maps: int,
    volumes: dict[str, dict[str, list[float]]],
    sides: Counter[str],
    unplaced: dict[str, list[list[str]]],
    mirror: dict[str, float],
    visits: dict[str, dict[str, object]],
) -> None:
    lines = ["# Zones of real knees", "",
             f"{maps} label maps, read at every second voxel along the slice; side by shape: "
             f"{dict(sides)}; bones not placed: {unplaced or 'none'}. Largest share of voxels "
             f"whose zone differs in the mirror image ({len(mirror)} maps): "
             f"{max(mirror.values()):.5f}.", ""]  # fmt: skip
    for system in SYSTEMS:
        lines += [f"## {system}", "", "| zone | median, ml | smallest | largest | empty |",
                  "|---|---|---|---|---|"]  # fmt: skip
        for zone, v in volumes[system].items():
            ml = np.array(v) / 1000
            lines.append(f"| {zone} | {np.median(ml):.1f} | {ml.min():.1f} | {ml.max():.1f} | "
                         f"{int((ml == 0).sum())} |")  # fmt: skip
        lines.append("")
    lines += ["## Second visit", "", "Share of voxels, bone at both visits after rigid "
              "registration of each bone, that lie in the same zone (outside counts as one); "
              "in brackets, of those in a zone at either visit. The last three: MOAKS by bone, all "
              "voxels.", "",
              "| person | moaks | worms | bloks | femur | tibia | patella |",
              "|---|---|---|---|---|---|---|"]  # fmt: skip
    for person, v in visits.items():
        cells = [f"{v['all'][s]:.3f} ({v['in_zones'][s]:.3f})" for s in SYSTEMS]
        cells += [f"{v['moaks_by_bone'][b]:.3f}" for b in BONES]
        lines.append(f"| {person} | " + " | ".join(cells) + " |")
    if visits:
        for what, of in (("mean", np.mean), ("least", np.min)):
            cells = [
                f"{of([v['all'][s] for v in visits.values()]):.3f} "
                f"({of([v['in_zones'][s] for v in visits.values()]):.3f})"
                for s in SYSTEMS
            ]
            cells += [f"{of([v['moaks_by_bone'][b] for v in visits.values()]):.3f}" for b in BONES]
            lines.append(f"| {what} | " + " | ".join(cells) + " |")
    RESULTS.mkdir(parents=True, exist_ok=True)
    result = {"stamp": stamp(), "maps": maps, "sides": dict(sides), "unplaced": unplaced,
              "volumes_mm3": volumes, "mirror_different_share": mirror,
              "second_visit": visits}  # fmt: skip
    (RESULTS / "zones_knee.json").write_text(json.dumps(result, indent=1) + "\n")
    (RESULTS / "zones_knee.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
