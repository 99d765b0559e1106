"""Edema against four human readings of subjects that the finder was not fitted on.

    python -m benchmarks.edema_loso [--data ../shared/data/sij] [-o benchmarks/results/edema_loso]

Fits on all subjects but one, reads that one through the Python API, and compares its mask with the
readings: four times, for three finders (deterministic only, learned without T1, full hybrid).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.stamp import RESULTS, data_root, stamp
from marrowlight.edema.edema_map import EdemaMap
from marrowlight.edema.find import find_edema
from marrowlight.edema.parameters import load_parameters
from training.edema.fit import write_set
from training.edema.subjects import Subject, read_subject, subject_ids
from training.edema.table import subject_table

Mask = NDArray[np.bool_]
CROSS_READER = ((0, 2), (0, 3), (1, 2), (1, 3))
MIN_LESION_MM3 = 30.0
MIN_OVERLAP = 0.10
VOLUME_OFFSET_ML = 0.1
ROWS = {
    "deterministic": {"t1": True, "learned": False},
    "without T1": {"t1": False, "learned": True},
    "hybrid": {"t1": True, "learned": True},
}


def dice(a: Mask, b: Mask) -> float:
    """Dice overlap; 1 if both are empty."""
    n = int(a.sum()) + int(b.sum())
    return 1.0 if n == 0 else 2.0 * int((a & b).sum()) / n


def covered(mask: Mask, by: Mask, voxel_mm3: float) -> tuple[int, int]:
    """(lesions of mask of at least 30 mm³, those with a tenth of their voxels in by)."""
    label, n = ndimage.label(mask, np.ones((3, 3, 3)))
    size = np.bincount(label.ravel(), minlength=n + 1)[1:]
    hit = np.bincount(label[by], minlength=n + 1)[1:]
    large = size * voxel_mm3 >= MIN_LESION_MM3
    return int(large.sum()), int((large & (hit >= MIN_OVERLAP * size)).sum())


def lesion_f1(reference: Mask, found: Mask, voxel_mm3: float) -> float:
    """Harmonic mean of sensitivity and precision over lesions; nan without reference lesions."""
    n_reference, hit = covered(reference, found, voxel_mm3)
    n_found, true = covered(found, reference, voxel_mm3)
    if not n_reference:
        return 0.0 if n_found else float("nan")
    if not n_found or not hit or not true:
        return 0.0
    sensitivity, precision = hit / n_reference, true / n_found
    return 2 * sensitivity * precision / (sensitivity + precision)


def icc(x: NDArray[np.float64]) -> float:
    """ICC(2,1), absolute agreement; x : (subjects, raters)."""
    n, k = x.shape
    rows = k * ((x.mean(1) - x.mean()) ** 2).sum() / (n - 1)
    columns = n * ((x.mean(0) - x.mean()) ** 2).sum() / (k - 1)
    rest = x - x.mean(1, keepdims=True) - x.mean(0, keepdims=True) + x.mean()
    error = (rest**2).sum() / ((n - 1) * (k - 1))
    return float((rows - error) / (rows + (k - 1) * error + k * (columns - error) / n))


def compare(subject: Subject, found: EdemaMap) -> dict[str, float]:
    """Figures of one subject; volumes in mm³."""
    voxel = subject.fluid.grid.voxel_volume_mm3
    readings = list(subject.readings)
    consensus: Mask = subject.readings.sum(0) >= 2
    f1 = [lesion_f1(r, found.mask, voxel) for r in readings]
    human = [(readings[a], readings[b]) for a, b in CROSS_READER]
    return {
        "dice_consensus": dice(consensus, found.mask),
        "dice_readers": float(np.mean([dice(r, found.mask) for r in readings])),
        "f1_readers": float(np.nanmean(f1)),
        "human_dice": float(np.mean([dice(a, b) for a, b in human])),
        "human_f1": float(np.nanmean([lesion_f1(a, b, voxel) for a, b in human])),
        "volume_mm3": float(found.mask.sum()) * voxel,
        "expected_mm3": float(found.probability.sum(dtype=np.float64)) * voxel,
        "consensus_mm3": float(consensus.sum()) * voxel,
        "readers_mean_mm3": float(subject.readings.sum()) * voxel / len(readings),
    }


def summary(rows: dict[str, dict[str, float]]) -> dict[str, float]:
    """Means over subjects, and the ratio to how close the other reader comes."""

    def mean(key: str) -> float:
        return float(np.nanmean([r[key] for r in rows.values()]))

    volumes = np.array([(r["volume_mm3"], r["consensus_mm3"]) for r in rows.values()]) / 1000.0
    return {
        "ratio_fair": mean("dice_readers") / mean("human_dice"),
        "dice_readers": mean("dice_readers"),
        "dice_consensus": mean("dice_consensus"),
        "f1_readers": mean("f1_readers"),
        "icc_log_volume": icc(np.log10(volumes + VOLUME_OFFSET_ML)),
        "human_dice": mean("human_dice"),
        "human_f1": mean("human_f1"),
    }


def calibration(pairs: list[tuple[NDArray[np.float32], NDArray[np.float32]]]) -> list[list[float]]:
    """Rows of (mean probability, mean share of readers, voxels) in ten bins of probability."""
    p = np.concatenate([a for a, _ in pairs])
    share = np.concatenate([b for _, b in pairs])
    which = np.minimum((p * 10).astype(int), 9)
    return [
        [float(p[which == i].mean()), float(share[which == i].mean()), int((which == i).sum())]
        for i in range(10)
        if (which == i).any()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.edema_loso", description=__doc__)
    root = data_root()
    parser.add_argument("--data", type=Path, default=root / "sij" if root else None)
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / "edema_loso")
    parser.add_argument("--masks", type=Path, help="where masks go; default a temporary folder")
    parser.add_argument(
        "--fitted", type=Path, help="folder with one set per left-out subject, fitted before"
    )
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("no real data found: give --data or set MARROWLIGHT_DATA")
    masks = arguments.masks or Path(tempfile.mkdtemp(prefix="edema_loso_"))
    ids = subject_ids(arguments.data)
    subjects = {i: read_subject(arguments.data / i) for i in ids}
    tables = {} if arguments.fitted else {i: subject_table(s) for i, s in subjects.items()}
    results: dict[str, dict[str, dict[str, float]]] = {name: {} for name in ROWS}
    pairs: dict[str, list[Any]] = {name: [] for name in ROWS}
    seconds = []
    for left in ids:
        fold, others = masks / "parameters" / left, [i for i in ids if i != left]
        if arguments.fitted:
            fold = arguments.fitted / left
        else:
            write_set([tables[i] for i in others], others, fold)
        parameters, subject = load_parameters(fold), subjects[left]
        if left in parameters.fitted_on:
            parser.error(f"the set in {fold} was fitted on {left}")
        for name, how in ROWS.items():
            start = time.perf_counter()
            found = find_edema(
                subject.fluid,
                subject.bones,
                t1=subject.t1 if how["t1"] else None,
                parameters=parameters,
                learned=how["learned"],
            )
            seconds.append(time.perf_counter() - start)
            results[name][left] = compare(subject, found)
            near = found.probability > 0
            pairs[name].append((found.probability[near], subject.readings.mean(0)[near]))
            (masks / name.replace(" ", "_")).mkdir(parents=True, exist_ok=True)
            image = nib.Nifti1Image(found.mask.astype(np.uint8), subject.fluid.grid.affine)
            nib.save(image, masks / name.replace(" ", "_") / f"{left}.nii.gz")
        print(left, {n: round(results[n][left]["dice_readers"], 3) for n in ROWS}, flush=True)
    report = {
        "stamp": stamp(),
        "summary": {name: summary(rows) for name, rows in results.items()},
        "subjects": results["hybrid"],
        "others": {n: r for n, r in results.items() if n != "hybrid"},
        "calibration": {name: calibration(p) for name, p in pairs.items()},
        "seconds_per_volume": round(float(np.median(seconds)), 2),
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    text = as_markdown(report)
    arguments.output.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
    arguments.output.with_suffix(".md").write_text(text)
    print(text + f"\nmasks: {masks}")


def as_markdown(report: dict[str, Any]) -> str:
    """Tables for people."""
    s = report["stamp"]
    lines = [
        "# Edema on subjects that the finder was not fitted on",
        "",
        f"{s['date']}, commit {s['commit']}, {report['seconds_per_volume']} s per volume.",
        "Leave one subject out, given bone mask; ratio_fair 1.0 = as close to a reader as the",
        "other reader is.",
        "",
        "| finder | ratio_fair | Dice vs readers | Dice vs consensus | lesion F1 vs readers "
        "| ICC log volume |",
        "|---|---|---|---|---|---|",
    ]
    for name, r in report["summary"].items():
        lines.append(
            f"| {name} | {r['ratio_fair']:.3f} | {r['dice_readers']:.3f} "
            f"| {r['dice_consensus']:.3f} | {r['f1_readers']:.3f} | {r['icc_log_volume']:.3f} |"
        )
    r = report["summary"]["hybrid"]
    lines += [
        f"| another reader | 1.000 | {r['human_dice']:.3f} |  | {r['human_f1']:.3f} |  |",
        "",
        "| subject | Dice vs readers | other reader | lesion F1 | other reader | mask ml "
        "| expected ml | readers' mean ml |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for subject, r in report["subjects"].items():
        ml = [r[k] / 1000.0 for k in ("volume_mm3", "expected_mm3", "readers_mean_mm3")]
        lines.append(
            f"| {subject} | {r['dice_readers']:.3f} | {r['human_dice']:.3f} "
            f"| {r['f1_readers']:.2f} | {r['human_f1']:.2f} | "
            + " | ".join(f"{v:.2f}" for v in ml)
            + " |"
        )
    lines += ["", "Calibration of the hybrid, voxels of all left-out subjects:", ""]
    lines += ["| mean probability | share of readers | voxels |", "|---|---|---|"]
    lines += [f"| {p:.2f} | {y:.2f} | {n} |" for p, y, n in report["calibration"]["hybrid"]]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
