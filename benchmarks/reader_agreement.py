"""How far two readers differ in volume, and the constants of the intervals that follow from it.

    python -m benchmarks.reader_agreement

Reads the four readings (two readers, two trials) of each public sacroiliac subject, takes
ln(second volume / first volume) of whole examinations and of lesions that both marked, and fits
its scatter sd(V) = small / (1 + (V / knee)^(1/3)) by maximum likelihood: between readers for
``reader_agreement``, between trials of one reader for ``repeatability`` of a drawn mask. With the
left-out volumes of ``benchmarks.edema_loso`` it does the same for masks that Marrowlight found, and
checks that the interval covers the mean of the four readings of subjects it was not fitted on.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from benchmarks.stamp import RESULTS, data_root, stamp

READERS = ("R11", "R12", "R21", "R22")
SMALL_BOUNDS = (0.2, 3.0)
"""SD of the log ratio of very small volumes: above 3 two volumes would share nothing at all."""
KNEE_BOUNDS = (10.0, 1e5)
"""mm³: between the detection limit and the largest volume of the data."""

Pairs = NDArray[np.float64]
"""(n, 2): geometric mean volume in mm³, ln(second / first)."""


def scatter(volume: Pairs, small: float, knee: float) -> Pairs:
    """sd(V) as in marrowlight.edema.intervals."""
    return small / (1 + np.cbrt(volume / knee))


def fit(*sets: Pairs) -> tuple[float, float]:
    """(small, knee) by maximum likelihood; every set of pairs has the same weight."""

    def cost(x: NDArray[np.float64]) -> float:
        small, knee = np.exp(x)
        total = 0.0
        for pairs in sets:
            sd = scatter(pairs[:, 0], small, knee)
            total += float(np.mean(np.log(sd) + pairs[:, 1] ** 2 / (2 * sd**2)))
        return total

    start = np.log([1.0, 1000.0])
    bounds = [tuple(np.log(SMALL_BOUNDS)), tuple(np.log(KNEE_BOUNDS))]
    best = optimize.minimize(cost, start, method="Nelder-Mead", bounds=bounds).x
    return float(np.exp(best[0])), float(np.exp(best[1]))


def lesion_pairs(a: NDArray[np.bool_], b: NDArray[np.bool_], voxel: float) -> Pairs:
    """Volumes of lesions that overlap each other most in both masks."""
    cube = np.ones((3, 3, 3))
    (in_a, n), (in_b, m) = ndimage.label(a, cube), ndimage.label(b, cube)
    joint = np.bincount(in_a.ravel().astype(np.int64) * (m + 1) + in_b.ravel(),
                        minlength=(n + 1) * (m + 1)).reshape(n + 1, m + 1)  # fmt: skip
    size_a, size_b = joint.sum(axis=1) * voxel, joint.sum(axis=0) * voxel
    joint[0], joint[:, 0] = 0, 0
    found = [
        (np.sqrt(size_a[i] * size_b[j]), np.log(size_b[j] / size_a[i]))
        for i in range(1, n + 1)
        if joint[i].any() and joint[:, (j := int(joint[i].argmax()))].argmax() == i
    ]
    return np.array(found, float).reshape(-1, 2)


def total_pairs(volumes: dict[str, float], kind: str) -> Pairs:
    """Pairs of whole-examination volumes; kind is ``inter`` (two readers) or ``intra``."""
    rows = [
        (np.sqrt(volumes[a] * volumes[b]), np.log(volumes[b] / volumes[a]))
        for a, b in itertools.combinations(READERS, 2)
        if (a[1] != b[1]) == (kind == "inter")
    ]
    return np.array(rows, float)


def found_pairs(found: float, volumes: dict[str, float]) -> Pairs:
    """Pairs of the volume that Marrowlight found and each reading; the found one says the size."""
    return np.array([(found, np.log(v / found)) for v in volumes.values()], float)


def loso_volumes(path: Path) -> dict[str, dict[str, float]]:
    """Left-out volumes in mm³ by origin and subject; empty if benchmarks.edema_loso has not run.

    Origins as in ``intervals.yaml``: ``found`` with T1, ``found_without_t1``.
    """
    if not path.exists():
        return {}
    report = json.loads(path.read_text())
    rows = {"found": report["subjects"], "found_without_t1": report["others"]["without T1"]}
    return {
        origin: {s: float(row["volume_mm3"]) for s, row in of.items()}
        for origin, of in rows.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--loso", type=Path, default=RESULTS / "edema_loso.json")
    asked = parser.parse_args()
    root = data_root()
    if root is None:
        sys.exit("no real data found: set MARROWLIGHT_DATA or place ../shared/data")
    subjects = sorted(p.parent.name for p in (root / "sij").glob("*/reader_R22.nii.gz"))
    volumes: dict[str, dict[str, float]] = {}
    lesions: dict[str, dict[str, Pairs]] = {"inter": {}, "intra": {}}
    for subject in subjects:
        images = {r: nib.load(root / "sij" / subject / f"reader_{r}.nii.gz") for r in READERS}
        masks = {r: np.asanyarray(image.dataobj) > 0 for r, image in images.items()}
        voxel = abs(float(np.linalg.det(images["R11"].affine[:3, :3])))
        volumes[subject] = {r: float(mask.sum() * voxel) for r, mask in masks.items()}
        for kind in lesions:
            lesions[kind][subject] = np.concatenate([
                lesion_pairs(masks[a], masks[b], voxel)
                for a, b in itertools.combinations(READERS, 2)
                if (a[1] != b[1]) == (kind == "inter")
            ])  # fmt: skip

    def fitted(kind: str, of: list[str]) -> tuple[float, float]:
        return fit(np.concatenate([total_pairs(volumes[s], kind) for s in of]),
                   np.concatenate([lesions[kind][s] for s in of]))  # fmt: skip

    result: dict[str, object] = {"stamp": stamp(), "volumes_mm3": volumes}
    lines = ["# Reader agreement", "", "| subject | " + " | ".join(READERS) + " | mean |",
             "|---|" + "---|" * 5]  # fmt: skip
    for s in subjects:
        row = [*volumes[s].values(), float(np.mean(list(volumes[s].values())))]
        lines.append(f"| {s} | " + " | ".join(f"{v:.0f}" for v in row) + " |")
    lines += ["", "Volumes in mm³.", ""]
    for kind in ("inter", "intra"):
        small, knee = fitted(kind, subjects)
        result[kind] = {"small": small, "knee_mm3": knee,
                        "pairs_total": sum(len(total_pairs(volumes[s], kind)) for s in subjects),
                        "pairs_lesion": sum(len(lesions[kind][s]) for s in subjects)}  # fmt: skip
        lines.append(f"- {kind}: small {small:.2f}, knee {knee:.0f} mm³")
    found = loso_volumes(asked.loso)
    for origin, of in found.items():
        lines += _check(origin, of, volumes, lesions["inter"], subjects, result)
    if not found:
        lines.append("- found masks: benchmarks.edema_loso has not run")
    RESULTS.mkdir(parents=True, exist_ok=True)
    Path(RESULTS / "reader_agreement.json").write_text(json.dumps(result, indent=1) + "\n")
    text = "\n".join(lines) + "\n"
    Path(RESULTS / "reader_agreement.md").write_text(text)
    print(text)


def _check(
    origin: str,
    found: dict[str, float],
    volumes: dict[str, dict[str, float]],
    lesions: dict[str, Pairs],
    subjects: list[str],
    result: dict[str, object],
) -> list[str]:
    """Constants for found masks, and coverage of subjects that they were not fitted on."""

    def fitted(of: list[str]) -> tuple[float, float]:
        model = np.concatenate([found_pairs(found[s], volumes[s]) for s in of])
        if origin != "found":
            # Farther from the readers than they are from each other: that scatter is no help.
            return fit(model)
        return fit(model, np.concatenate([total_pairs(volumes[s], "inter") for s in of]),
                   np.concatenate([lesions[s] for s in of]))  # fmt: skip

    small, knee = fitted(subjects)
    rows, widths = {}, {"left_out": [], "all": []}
    lines = ["", f"## {origin}: small {small:.2f}, knee {knee:.0f} mm³", "",
             "| subject | found | mean of readers | left out: interval | covers "
             "| shipped: interval | covers |", "|---|" + "---|" * 6]  # fmt: skip
    for s in subjects:
        mean = float(np.mean(list(volumes[s].values())))
        cells = []
        for name, (a, b) in (("left_out", fitted([o for o in subjects if o != s])),
                             ("all", (small, knee))):  # fmt: skip
            factor = float(np.exp(1.96 * scatter(np.array(found[s]), a, b)))
            low, high = found[s] / factor, found[s] * factor
            widths[name].append(factor)
            cells += [f"{low:.0f} to {high:.0f} (x{1 / factor:.2f} to x{factor:.2f})",
                      "yes" if low <= mean <= high else "NO"]  # fmt: skip
        rows[s] = {"found_mm3": found[s], "mean_mm3": mean, "cells": cells}
        lines.append(f"| {s} | {found[s]:.0f} | {mean:.0f} | " + " | ".join(cells) + " |")
    for name, factors in widths.items():
        m = float(np.median(factors))
        lines += ["", f"Median width, {name.replace('_', ' ')}: x{1 / m:.2f} to x{m:.2f}"]
    medians = {k: float(np.median(v)) for k, v in widths.items()}
    result[origin] = {"small": small, "knee_mm3": knee, "subjects": rows, "median_factor": medians}
    return lines


if __name__ == "__main__":
    main()
