"""What the same measurement would give again, from simulated repeated scans.

    python -m benchmarks.repeatability [--scans 6] [--subjects 1003 1012]

Each sacroiliac subject is "scanned" again several times: the image is moved by up to half a voxel
along each axis (half a slice too) and turned by up to 2 degrees, seen through another coil
sensitivity of up to 5 %, and given new noise of the level and the correlation of its own. T1 and
the bone mask move along. Each is read anew. The scatter of ln(second volume / first volume) over
all pairs of scans of a subject, of whole examinations and of lesions found in both, is fitted as in
benchmarks.reader_agreement.

Not in it: a bone mask that is drawn anew, another scanner or protocol, a patient who moves, and
change in the patient. So it is a lower bound of what a true repeated scan would show.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.reader_agreement import Pairs, fit, scatter
from benchmarks.stamp import RESULTS, data_root, stamp
from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.edema.find import find_edema
from marrowlight.edema.measure import measure_edema
from marrowlight.edema.parameters import Parameters, load_parameters
from marrowlight.edema.resolution import acquired_share
from marrowlight.study.grid import Grid
from marrowlight.study.volume import Volume

SHIFT_VOXELS = 0.5
TURN_DEGREES = 2.0
SENSITIVITY = 0.05

Voxels = NDArray[np.float32]


@dataclass(frozen=True)
class Scan:
    """One simulated scan, read: volume, and its lesions brought back to the first frame."""

    volume_mm3: float
    lesions: NDArray[np.int32]
    sizes_mm3: NDArray[np.float64]


def noise_level(image: Voxels, where: NDArray[np.bool_]) -> tuple[float, float]:
    """(SD of the noise, share of acquired pixels), from mixed differences over two pixels."""
    share = acquired_share(image, where)
    inside = where[:-2, :-2] & where[2:, 2:] & where[2:, :-2] & where[:-2, 2:]
    mixed = (image[:-2, :-2] - image[2:, :-2] - image[:-2, 2:] + image[2:, 2:])[inside]
    spread = 1.4826 * float(np.median(np.abs(mixed)))
    return spread / (2 * (1 - float(np.sinc(2 * share)))), share


def noise(shape: tuple[int, ...], sd: float, share: float, rng: np.random.Generator) -> Voxels:
    """Noise of this SD whose k-space is filled to this share within each slice."""
    k = np.fft.fft2(rng.normal(size=shape), axes=(0, 1))
    kept = [np.abs(np.fft.fftfreq(n)) <= share / 2 for n in shape[:2]]
    k *= (kept[0][:, None] & kept[1][None, :])[..., None]
    field = np.fft.ifft2(k, axes=(0, 1)).real
    return (field * (sd / field.std())).astype(np.float32)


def movement(grid: Grid, rng: np.random.Generator) -> NDArray[np.float64]:
    """(4, 4) voxel of the new scan to voxel of the old one: a shift and a turn about the middle."""
    angle = np.radians(rng.uniform(-TURN_DEGREES, TURN_DEGREES, 3))
    # A turn out of the slice plane of one degree moves the far edge by one slice: half of it.
    angle[:2] /= 2
    (a, b, c), scale = angle, np.diag(grid.spacing)
    turn = np.array([[1, -c, b], [c, 1, -a], [-b, a, 1]])
    turn, _ = np.linalg.qr(turn)
    turn = turn * np.sign(np.diag(turn))
    linear = np.linalg.inv(scale) @ turn @ scale
    middle = (np.array(grid.shape) - 1) / 2
    out = np.eye(4)
    out[:3, :3] = linear
    out[:3, 3] = middle - linear @ middle + rng.uniform(-SHIFT_VOXELS, SHIFT_VOXELS, 3)
    return out


def moved(voxels: NDArray[np.generic], by: NDArray[np.float64], order: int) -> NDArray[np.generic]:
    mode = "constant" if order == 0 else "nearest"
    return ndimage.affine_transform(voxels, by[:3, :3], by[:3, 3], order=order, mode=mode)


def sensitivity(shape: tuple[int, ...], rng: np.random.Generator) -> Voxels:
    """A smooth multiplicative field of up to about SENSITIVITY."""
    x = np.meshgrid(*[np.linspace(-1, 1, n, dtype=np.float32) for n in shape], indexing="ij")
    terms = [*x, x[0] * x[1], x[0] ** 2, x[1] ** 2]
    field = sum(w * t for w, t in zip(rng.uniform(-1, 1, len(terms)), terms, strict=True))
    return np.exp(SENSITIVITY * field / np.abs(field).max()).astype(np.float32)


def read_again(
    stir: Voxels,
    t1: Voxels,
    bone: NDArray[np.uint8],
    grid: Grid,
    rng: np.random.Generator,
    parameters: Parameters | None,
) -> Scan:
    """Scan once more, read it, and bring the lesions back."""
    by = movement(grid, rng)
    new_bone = moved(bone, by, 0).astype(np.uint8)
    images = []
    for image in (stir, t1):
        sd, share = noise_level(image, bone > 0)
        again = moved(image, by, 3) * sensitivity(image.shape, rng)
        again = np.maximum(again + noise(image.shape, sd, share, rng), 0).astype(np.float32)
        images.append(Volume(again, grid))
    bones = BoneMap(new_bone, grid, (LabelledBone(1, "bone"),), "moved")
    found = find_edema(images[0], bones, t1=images[1], parameters=parameters)
    measured = measure_edema(mask=found.mask, grid=grid, bones=bones, contrast=found.contrast,
                             cyst=found.cyst)  # fmt: skip
    least = measured.total.smallest_counted_mm3
    parts, count = ndimage.label(found.mask, np.ones((3, 3, 3)))
    sizes = np.bincount(parts.ravel(), minlength=count + 1) * grid.voxel_volume_mm3
    parts[(sizes < least)[parts]] = 0
    back = np.linalg.inv(by)
    return Scan(measured.total.volume_mm3, moved(parts, back, 0).astype(np.int32), sizes)


def matched(one: Scan, two: Scan) -> tuple[Pairs, list[tuple[float, bool]]]:
    """(volumes of lesions that overlap each other most, (volume, found again) of each lesion)."""
    wide = len(two.sizes_mm3)
    joint = np.bincount(
        one.lesions.ravel().astype(np.int64) * wide + two.lesions.ravel(),
        minlength=len(one.sizes_mm3) * wide,
    ).reshape(-1, wide)
    there = joint[:, 1:].sum(axis=1) + joint[:, 0]
    joint[0], joint[:, 0] = 0, 0
    pairs, again = [], []
    for i in np.flatnonzero(there[1:]) + 1:
        j = int(joint[i].argmax())
        again.append((float(one.sizes_mm3[i]), bool(joint[i, j])))
        if joint[i, j] and joint[:, j].argmax() == i:
            a, b = one.sizes_mm3[i], two.sizes_mm3[j]
            pairs.append((np.sqrt(a * b), np.log(b / a)))
    return np.array(pairs, float).reshape(-1, 2), again


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--scans", type=int, default=6)
    parser.add_argument("--subjects", nargs="*")
    parser.add_argument("--parameters", type=Path, help="another set than the shipped one")
    asked = parser.parse_args()
    chosen = load_parameters(asked.parameters) if asked.parameters else None
    root = data_root()
    if root is None:
        sys.exit("no real data found: set MARROWLIGHT_DATA or place ../shared/data")
    folders = sorted(p.parent for p in (root / "sij").glob("*/stir.nii.gz"))
    folders = [f for f in folders if not asked.subjects or f.name in asked.subjects]
    totals: dict[str, list[float]] = {}
    total_pairs: list[tuple[float, float]] = []
    lesion_pairs: list[Pairs] = []
    again: list[tuple[float, bool]] = []
    for folder in folders:
        start = time.perf_counter()
        image = nib.load(folder / "stir.nii.gz")
        stir = image.get_fdata(dtype=np.float32)
        t1 = nib.load(folder / "t1w.nii.gz").get_fdata(dtype=np.float32)
        bone = (np.asanyarray(nib.load(folder / "bone.nii.gz").dataobj) > 0).astype(np.uint8)
        grid = Grid(stir.shape, image.affine)
        rng = np.random.default_rng(20261123)
        scans = [read_again(stir, t1, bone, grid, rng, chosen) for _ in range(asked.scans)]
        totals[folder.name] = [s.volume_mm3 for s in scans]
        for a, b in itertools.combinations(scans, 2):
            if min(a.volume_mm3, b.volume_mm3) > 0:
                total_pairs.append((np.sqrt(a.volume_mm3 * b.volume_mm3),
                                    np.log(b.volume_mm3 / a.volume_mm3)))  # fmt: skip
            pairs, seen = matched(a, b)
            lesion_pairs.append(pairs)
            again += seen
        print(folder.name, [round(s.volume_mm3) for s in scans],
              f"{time.perf_counter() - start:.0f} s", flush=True)  # fmt: skip
    whole, lesions = np.array(total_pairs, float), np.concatenate(lesion_pairs)
    small, knee = fit(whole, lesions)
    _write(totals, whole, lesions, again, small, knee, asked.scans)


def _inside(pairs: Pairs, small: float, knee: float) -> float:
    """Share of pairs whose second volume lies in the 95 % interval of the first."""
    return float(np.mean(np.abs(pairs[:, 1]) <= 1.96 * scatter(pairs[:, 0], small, knee)))


def _write(
    totals: dict[str, list[float]],
    whole: Pairs,
    lesions: Pairs,
    again: list[tuple[float, bool]],
    small: float,
    knee: float,
    scans: int,
) -> None:
    lines = ["# Repeatability", "", f"{scans} simulated scans of each subject; volumes in mm³.", "",
             "| subject | mean | SD of ln V | scans |", "|---|---|---|---|"]  # fmt: skip
    for s, v in totals.items():
        sd = f"{np.std(np.log(v), ddof=1):.3f}" if min(v) > 0 else "-"
        lines.append(f"| {s} | {np.mean(v):.0f} | {sd} | {', '.join(f'{x:.0f}' for x in v)} |")
    lines += ["", f"sd(V) = {small:.2f} / (1 + (V / {knee:.0f} mm³)^(1/3)), from {len(whole)} "
              f"examination pairs and {len(lesions)} lesion pairs. Inside the 95 % interval: "
              f"{_inside(whole, small, knee):.0%} and {_inside(lesions, small, knee):.0%}.", "",
              "| lesion, mm³ | pairs | RMS of ln ratio | fitted | found again |",
              "|---|---|---|---|---|"]  # fmt: skip
    seen = np.array(again, float)
    for low, high in itertools.pairwise((0, 60, 120, 250, 500, 1500, 5000, 1e9)):
        row = lesions[(lesions[:, 0] >= low) & (lesions[:, 0] < high)]
        of = seen[(seen[:, 0] >= low) & (seen[:, 0] < high)]
        if not len(row) or not len(of):
            continue
        fitted = float(np.mean(scatter(row[:, 0], small, knee)))
        name = f"{low:.0f} to {high:.0f}" if high < 1e9 else f"over {low:.0f}"
        lines.append(f"| {name} | {len(row)} | {np.sqrt((row[:, 1] ** 2).mean()):.2f} | "
                     f"{fitted:.2f} | {of[:, 1].mean():.0%} |")  # fmt: skip
    result = {"stamp": stamp(), "small": small, "knee_mm3": knee, "volumes_mm3": totals,
              "pairs_total": len(whole), "pairs_lesion": len(lesions), "scans": scans}  # fmt: skip
    RESULTS.mkdir(parents=True, exist_ok=True)
    Path(RESULTS / "repeatability.json").write_text(json.dumps(result, indent=1) + "\n")
    text = "\n".join(lines) + "\n"
    Path(RESULTS / "repeatability.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
