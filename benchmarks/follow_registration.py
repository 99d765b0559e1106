"""How well a bone of one visit is laid on the same bone of another, and how long it takes.

    python -m benchmarks.follow_registration [--only NAME ...] [--people 2] [--no-write]

Real: the label maps of people with two visits in ``anatomy/knee`` (months to years apart, drawn by
readers or a network); before is the second visit where the scanner put it. Phantom: digital joints
painted twice, the second time turned and shifted by a known motion, on another plane, slice
thickness and field of view; the target registration error is the mean over all voxels of the bone.
The refusals: bones that are not the same one. Writes follow_registration.json and .md.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from benchmarks.stamp import RESULTS, data_root, stamp
from marrowlight.course.register import BoneTransform, distance_at, register_bone
from marrowlight.phantom import PhantomSpec
from marrowlight.phantom.anatomy import _frame, _grid, canvas_of
from marrowlight.phantom.canvas import Frame, sample_offsets
from marrowlight.phantom.model import joint_model
from marrowlight.study.grid import Grid
from marrowlight.study.series import Plane
from marrowlight.study.study import Joint, Side

BONES = {"femur": (1, 7), "tibia": (3, 8), "patella": (5, 9)}
"""Labels of each bone in the real maps: marrow, and the lesions in it."""

TARGET_REAL_MM, TARGET_PHANTOM_MM = 0.5, 0.7

SAMPLES = 7
"""Points per voxel; odd, so that more than half of them is no more and no less than half."""

Masks = dict[str, tuple[NDArray[np.bool_], Grid]]


def real_visit(path: Path) -> Masks:
    image = nib.load(path)
    labels = np.asarray(image.dataobj).astype(np.uint8)
    grid = Grid(labels.shape, image.affine)
    return {bone: (np.isin(labels, those), grid) for bone, those in BONES.items()}


def real_pairs(root: Path) -> Iterator[tuple[str, Path, Path]]:
    paths = sorted((root / "anatomy" / "knee").glob("akoa_*.nii.gz"))
    people = sorted({p.name.rsplit("_", 1)[0] for p in paths})
    for person in people:
        first, second = (p for p in paths if p.name.startswith(person + "_"))
        yield person, first, second


@dataclasses.dataclass(frozen=True)
class Pose:
    """How a phantom lies at its second visit, and how it is scanned.

    turn : axis of rotation in RAS and degrees; shift : mm; scan : changes of the spec;
    crop : first and last share kept of I, J, K
    """

    name: str
    turn: tuple[tuple[float, float, float], float]
    shift: tuple[float, float, float]
    scan: dict[str, Any]
    crop: tuple[tuple[float, float], ...] = ((0, 1), (0, 1), (0, 1))


POSES = (
    Pose("same scan, moved little", ((1, 0.3, 0.2), 6), (4, -3, 5), {}),
    Pose("bent by 30, coronal 4 mm", ((1, 0.1, 0), 30), (3, 12, -8),
         {"plane": Plane.CORONAL, "slice_mm": 3.5, "gap_mm": 0.5, "tilt_deg": -6}),
    Pose("bent by 60, axial 3.5 mm", ((-1, 0.1, 0.1), 60), (0, 5, 10),
         {"plane": Plane.AXIAL, "tilt_deg": 7}),
    Pose("bent by 85, sagittal 4.5 mm", ((1, 0, 0.1), 85), (-5, 8, 4),
         {"slice_mm": 4.0, "gap_mm": 0.5, "tilt_deg": 0}),
    Pose("0.3 mm pixels, twisted by 25", ((0.2, 0.1, 1), 25), (6, 2, -12),
         {"pixel_mm": 0.3, "slice_mm": 3.5, "gap_mm": 0.0}),
    Pose("cut shafts, 12 degrees", ((0.4, 1, 0.2), 12), (-6, 4, 9), {"slice_mm": 4.0},
         ((0, 1), (0.12, 0.78), (0, 1))),
    Pose("1 mm even voxels, bent by 45", ((1, 0.2, -0.3), 45), (2, -6, 3),
         {"pixel_mm": 1.0, "slice_mm": 1.0, "gap_mm": 0.0}),
)  # fmt: skip


def motion(pose: Pose, about: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4, 4): where a point of the first visit lies at the second. about : (3,) RAS mm."""
    from scipy.spatial.transform import Rotation

    axis = np.array(pose.turn[0], float)
    out = np.eye(4)
    out[:3, :3] = Rotation.from_rotvec(
        np.radians(pose.turn[1]) * axis / np.linalg.norm(axis)
    ).as_matrix()
    out[:3, 3] = about + np.array(pose.shift) - out[:3, :3] @ about
    return out


def phantom_visit(spec: PhantomSpec, moved: NDArray[np.float64], pose: Pose | None) -> Masks:
    """The true bones of a phantom that lies elsewhere, as this scan samples them."""
    model = joint_model(spec.joint, spec.seed)
    frame = _frame(spec, model)
    grid = _grid(spec, model, frame, spec.plane or model.plane)
    if pose is not None:
        ends = [(int(a * n), int(b * n)) for (a, b), n in zip(pose.crop, grid.shape, strict=True)]
        grid = grid.part([a for a, _ in ends], tuple(b - a for a, b in ends))
    frame = Frame(frame.to_model @ np.linalg.inv(moved))
    offsets = sample_offsets(spec.samples, spec.slice_mm / (spec.slice_mm + spec.gap_mm))
    out = {bone: np.zeros(grid.shape, bool) for bone in model.bones}
    for k in range(grid.shape[2]):
        canvas = canvas_of(frame, grid, offsets, k)
        model.paint(canvas)
        for bone, label in model.bones.items():
            out[bone][:, :, k] = (canvas.bone == label).mean(axis=0) > 0.5
    grid = Grid(grid.shape, _sampled_at(frame, grid, offsets))
    return {bone: (mask, grid) for bone, mask in out.items() if mask.any()}


def _sampled_at(frame: Frame, grid: Grid, offsets: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4, 4) affine of a grid, moved to the mean place of the samples of a voxel.

    The painter's samples lie off the voxel centers by part of a slice, which another plane would
    show as an error of the registration.
    """
    area = canvas_of(frame, grid, offsets, 0).area((-1e3, -1e3, -1e3), (1e3, 1e3, 1e3))
    assert area is not None
    mean = frame.ras(np.array([axis.mean(dtype=np.float64) for axis in area.xyz]))
    affine = grid.affine.copy()
    affine[:3, 3] += mean - grid.to_ras([(grid.shape[0] - 1) / 2, (grid.shape[1] - 1) / 2, 0.0])
    return affine


def target_error_mm(
    found: NDArray[np.float64], truth: NDArray[np.float64], mask: NDArray[np.bool_], grid: Grid
) -> NDArray[np.float64]:
    """(n,) error in mm of every 20th voxel of the bone; both matrices lead to the first visit."""
    points = grid.to_ras(np.argwhere(mask)[::20].astype(float))
    move = found - truth
    return np.asarray(np.linalg.norm(points @ move[:3, :3].T + move[:3, 3], axis=1))


def row_of(transform: BoneTransform, seconds: float) -> dict[str, Any]:
    return {
        "mean_surface_distance_mm": round(transform.mean_surface_distance_mm, 3),
        "overlap": round(transform.overlap, 4),
        "rotation_deg": round(transform.rotation_deg, 1),
        "translation_mm": round(transform.translation_mm, 1),
        "accepted": transform.accepted,
        "reason": transform.reason,
        "seconds": round(seconds, 2),
    }


def timed(
    one: tuple[NDArray[np.bool_], Grid], two: tuple[NDArray[np.bool_], Grid], bone: str
) -> tuple[BoneTransform, float]:
    start = time.perf_counter()
    found = register_bone(*one, *two, bone=bone)
    return found, time.perf_counter() - start


def run_real(root: Path, only: list[str]) -> list[dict[str, Any]]:
    rows = []
    for person, first, second in real_pairs(root):
        if only and not any(o in person for o in only):
            continue
        one, two = real_visit(first), real_visit(second)
        for bone in BONES:
            found, seconds = timed(one[bone], two[bone], bone)
            before = distance_at(*one[bone], *two[bone], np.eye(4))
            rows.append({"person": person, "bone": bone, "before_mm": round(before, 2),
                         **row_of(found, seconds)})  # fmt: skip
            print(rows[-1], flush=True)
    return rows


def run_phantom(people: int, only: list[str]) -> list[dict[str, Any]]:
    rows = []
    for joint in (Joint.KNEE, Joint.HIP, Joint.ANKLE):
        for person in range(1, (people if joint is Joint.KNEE else 1) + 1):
            side = Side.LEFT if person % 2 else Side.RIGHT
            spec = PhantomSpec(joint=joint, side=side, seed=person, edema=(), samples=SAMPLES)
            first = phantom_visit(spec, np.eye(4), None)
            about = np.mean([grid.corners().mean(axis=0) for _, grid in first.values()], axis=0)
            for pose in POSES:
                if only and not any(o in pose.name for o in only):
                    continue
                moved = motion(pose, about)
                second = phantom_visit(dataclasses.replace(spec, **pose.scan), moved, pose)
                truth = np.linalg.inv(moved)
                for bone in (b for b in first if b in second):
                    found, seconds = timed(first[bone], second[bone], bone)
                    error = target_error_mm(found.matrix, truth, *second[bone])
                    rows.append({"joint": joint.value, "person": person, "pose": pose.name,
                                 "bone": bone, "target_error_mm": round(float(error.mean()), 3),
                                 "largest_error_mm": round(float(error.max()), 3),
                                 **row_of(found, seconds)})  # fmt: skip
                    print(rows[-1], flush=True)
    return rows


def run_refused(root: Path) -> list[dict[str, Any]]:
    """Bones that are not the same one: the other knee (mirrored), another person, another bone."""
    pairs = list(real_pairs(root))[:5]
    rows = []
    for (person, path, _), (_, _, other) in itertools.pairwise(pairs):
        one, two = real_visit(path), real_visit(other)
        mirror = np.diag([-1.0, 1.0, 1.0, 1.0])
        for bone in BONES:
            mask, grid = one[bone]
            turned = (mask, Grid(grid.shape, mirror @ grid.affine))
            unlike = one["tibia" if bone == "femur" else "femur"]
            for what, second in (
                ("same bone, mirrored", turned), ("another person", two[bone]),
                ("another bone", unlike),
            ):  # fmt: skip
                found, seconds = timed(one[bone], second, bone)
                rows.append({"person": person, "bone": bone, "against": what,
                             **row_of(found, seconds)})  # fmt: skip
                print(rows[-1], flush=True)
    return rows


def _mean(rows: list[dict[str, Any]], key: str) -> str:
    return f"{np.mean([r[key] for r in rows]):.2f}"


def _real_lines(rows: list[dict[str, Any]]) -> list[str]:
    lines = ["## Real: two visits of one person", "",
             "Mean surface distance in mm, both directions, nothing trimmed, where both visits "
             f"show the surface. Target: {TARGET_REAL_MM} mm for femur and tibia.", "",
             "| person | " + " | ".join(f"{b} before | after | Dice | s" for b in BONES) + " |",
             "|---|" + "---|" * 12]  # fmt: skip
    for person in dict.fromkeys(r["person"] for r in rows):
        cells = []
        for bone in BONES:
            (r,) = (r for r in rows if (r["person"], r["bone"]) == (person, bone))
            refused = "" if r["accepted"] else " refused"
            cells.append(f"{r['before_mm']:.1f} | {r['mean_surface_distance_mm']:.2f}{refused} | "
                         f"{r['overlap']:.3f} | {r['seconds']:.1f}")  # fmt: skip
        lines.append(f"| {person} | " + " | ".join(cells) + " |")
    cells = []
    for bone in BONES:
        own = [r for r in rows if r["bone"] == bone]
        dice = np.mean([r["overlap"] for r in own])
        cells.append(f"{_mean(own, 'before_mm')} | {_mean(own, 'mean_surface_distance_mm')} | "
                     f"{dice:.3f} | {_mean(own, 'seconds')}")  # fmt: skip
    lines += ["| **mean** | " + " | ".join(cells) + " |", ""]
    for bone in BONES:
        far = [r["mean_surface_distance_mm"] for r in rows if r["bone"] == bone]
        lines.append(f"- {bone}: {sum(f <= TARGET_REAL_MM for f in far)} of {len(far)} people at "
                     f"most {TARGET_REAL_MM} mm, largest {max(far):.2f} mm.")  # fmt: skip
    return lines


def _phantom_lines(rows: list[dict[str, Any]]) -> list[str]:
    lines = ["", "## Phantom: known motion", "",
             "Target registration error in mm: mean over the bone's voxels, then mean and largest "
             f"over people and poses. Target: {TARGET_PHANTOM_MM} mm.", "",
             "| joint | bone | registrations | refused | mean | largest | at most "
             f"{TARGET_PHANTOM_MM} mm | s |", "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for joint, bone in dict.fromkeys((r["joint"], r["bone"]) for r in rows):
        own = [r for r in rows if (r["joint"], r["bone"]) == (joint, bone)]
        error = [r["target_error_mm"] for r in own]
        lines.append(f"| {joint} | {bone} | {len(own)} | {sum(not r['accepted'] for r in own)} | "
                     f"{np.mean(error):.2f} | {max(error):.2f} | "
                     f"{np.mean([e <= TARGET_PHANTOM_MM for e in error]):.0%} | "
                     f"{_mean(own, 'seconds')} |")  # fmt: skip
    lines += ["", "A fibula is nearly round: its turn about its own shaft is not fixed by shape. "
              "Second visits:", "", "| second visit | mean error, all bones but the fibula |",
              "|---|---|"]  # fmt: skip
    for pose in dict.fromkeys(r["pose"] for r in rows):
        own = [r for r in rows if r["pose"] == pose and r["bone"] != "fibula"]
        lines.append(f"| {pose} | {_mean(own, 'target_error_mm')} |")
    return lines


def _refused_lines(rows: list[dict[str, Any]]) -> list[str]:
    lines = ["", "## Not the same bone", "", "| against | bone | refused | mean surface distance, "
             "mm | Dice |", "|---|---|---|---|---|"]  # fmt: skip
    for what, bone in dict.fromkeys((r["against"], r["bone"]) for r in rows):
        own = [r for r in rows if (r["against"], r["bone"]) == (what, bone)]
        far = [r["mean_surface_distance_mm"] for r in own]
        dice = [r["overlap"] for r in own]
        refused = sum(not r["accepted"] for r in own)
        lines.append(
            f"| {what} | {bone} | {refused} of {len(own)} | {min(far):.2f} to {max(far):.2f} | "
            f"{min(dice):.2f} to {max(dice):.2f} |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="*", default=[], help="people or poses, part of the name")
    parser.add_argument("--people", type=int, default=2, help="digital knees")
    parser.add_argument("--no-write", action="store_true")
    asked = parser.parse_args()
    root = data_root()
    if root is None:
        sys.exit("no real data found: set MARROWLIGHT_DATA or place ../shared/data")
    real, refused = run_real(root, asked.only), run_refused(root)
    phantom = run_phantom(asked.people, asked.only)
    lines = ["# Bones of two visits laid on each other", "", *_real_lines(real),
             *_phantom_lines(phantom), *_refused_lines(refused)]  # fmt: skip
    print("\n".join(lines))
    if not asked.no_write:
        RESULTS.mkdir(parents=True, exist_ok=True)
        result = {"stamp": stamp(), "real": real, "phantom": phantom, "not_the_same": refused}
        (RESULTS / "follow_registration.json").write_text(json.dumps(result, indent=1) + "\n")
        (RESULTS / "follow_registration.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
