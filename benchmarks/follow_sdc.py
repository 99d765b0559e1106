"""Smallest detectable changes from pairs of volumes, by class, and the table that is shipped."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from benchmarks.reader_agreement import READERS, fit, lesion_pairs, scatter, total_pairs

CLASSES_MM3 = ((150, 300), (300, 1000), (1000, 3000), (3000, 10_000), (10_000, 20_000))
"""Classes of true volume. The first and the last are open for what is measured."""
LEAST = 8
"""A class with fewer pairs is given no figure of its own but that of a curve through all."""
DRAWS = 1000
CURVES = 40
Z95 = 1.96

Pairs = NDArray[np.float64]


@dataclass(frozen=True)
class Fitted:
    """One class: n pairs around at_mm3; log_ratio with its 95 % interval low to high."""

    name: str
    n: int
    at_mm3: float
    mean: float
    sd: float | None
    p95: float
    log_ratio: float
    low: float
    high: float


def smallest(d: NDArray[np.float64]) -> float:
    """1.96 RMS of d, or the 95th percentile of |d| where that is larger."""
    size = np.abs(d)
    return float(max(Z95 * np.sqrt((d**2).mean()), np.quantile(size, 0.95)))


def class_names() -> list[tuple[str, float, float]]:
    """(name in ml, from, to) of each class of measured volume."""
    edges = [0.0, *(low for low, _ in CLASSES_MM3[1:]), float("inf")]
    names = [f"<{edges[1] / 1000:g}"]
    names += [f"{a / 1000:g}-{b / 1000:g}" for a, b in itertools.pairwise(edges[1:-1])]
    names.append(f">{edges[-2] / 1000:g}")
    return list(zip(names, edges, edges[1:], strict=False))


def fit_classes(pairs: Pairs) -> list[Fitted]:
    """Every class that holds a pair, by rising volume; pairs : (n, 2).

    A class with fewer than LEAST pairs takes its figure from the curve through all of them.
    """
    rng = np.random.default_rng(61)
    curves = [fit(pairs)] + [fit(_drawn(pairs, rng)) for _ in range(CURVES)]
    out = []
    for name, low, high in class_names():
        row = pairs[(pairs[:, 0] >= low) & (pairs[:, 0] < high)]
        if not len(row):
            continue
        if len(row) < LEAST:
            middle = np.exp(np.log(row[:, :1]).mean(axis=0))
            value, *drawn = (Z95 * float(scatter(middle, *one)[0]) for one in curves)
        else:
            value = smallest(row[:, 1])
            drawn = [smallest(_drawn(row, rng)[:, 1]) for _ in range(DRAWS)]
        out.append(_fitted(name, row, value, drawn))
    return out


def _drawn(pairs: Pairs, rng: np.random.Generator) -> Pairs:
    """As many pairs, drawn with replacement."""
    return pairs[rng.integers(0, len(pairs), len(pairs))]


def _fitted(name: str, row: Pairs, value: float, drawn: Sequence[float]) -> Fitted:
    d = row[:, 1]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Fitted(
        name, len(d), float(np.exp(np.log(row[:, 0]).mean())), float(d.mean()),
        float(d.std(ddof=1)) if len(d) > 1 else None, float(np.quantile(np.abs(d), 0.95)),
        value, min(float(low), value), max(float(high), value),
    )  # fmt: skip


def reader_classes(root: Path) -> list[Fitted]:
    """One reader twice: the curve of reader_agreement at each class, by bootstrap over pairs.

    The SD and the percentile are those of the pairs in the class; the change is that of the curve,
    because some classes hold few pairs.
    """
    volumes, lesions = {}, []
    for folder in sorted(p.parent for p in (root / "sij").glob("*/reader_R22.nii.gz")):
        images = {r: nib.load(folder / f"reader_{r}.nii.gz") for r in READERS}
        masks = {r: np.asanyarray(image.dataobj) > 0 for r, image in images.items()}
        voxel = abs(float(np.linalg.det(images["R11"].affine[:3, :3])))
        volumes[folder.name] = {r: float(mask.sum() * voxel) for r, mask in masks.items()}
        lesions += [lesion_pairs(masks[f"R{n}1"], masks[f"R{n}2"], voxel) for n in (1, 2)]
    whole = np.concatenate([total_pairs(v, "intra") for v in volumes.values()])
    parts = np.concatenate(lesions)
    rng = np.random.default_rng(62)
    curve = fit(whole, parts)
    drawn = [fit(_drawn(whole, rng), _drawn(parts, rng)) for _ in range(CURVES)]
    out = []
    both = np.concatenate([whole, parts])
    for name, low, high in class_names():
        row = both[(both[:, 0] >= low) & (both[:, 0] < high)]
        at = np.array(np.exp(np.log(row[:, 0]).mean()))
        out.append(_fitted(name, row, Z95 * float(scatter(at, *curve)),
                           [Z95 * float(scatter(at, *one)) for one in drawn]))  # fmt: skip
    return out


def falling(rows: Sequence[Fitted], measured: Sequence[float]) -> list[float]:
    """Never smaller for a smaller volume: each is raised to those of all larger classes."""
    return [max(measured[n:]) for n in range(len(rows))]


def table_text(
    fits: dict[str, list[Fitted]], reader: Sequence[Fitted], head: dict[str, str]
) -> str:
    """smallest_change.yaml: of lesion and bone the larger; never smaller for a smaller volume."""
    lines = [
        "# Smallest detectable change of ln(volume): what is smaller is not told from measuring",
        "# again. Written by `python -m benchmarks.follow_repeat --write-table`; not by hand.",
        "# at_mm3: middle of the class; measured: of the class alone, with its 95 % interval;",
        "# log_ratio: what is used, raised so that it never falls towards smaller volumes.",
        "version: 1",
        "source: benchmarks/follow_repeat.py",
        f"date: {head['date']}",
        f"commit: {head['commit']!r}",
        "phantom:",
        "  status: measured on simulated repeated scans with true bones; a lower bound",
    ]
    for name in ("matched", "thickness", "scanner", "sequence", "all"):
        lesion = {r.name: r for r in fits[f"lesion/{name}"]}
        bone = {r.name: r for r in fits[f"bone/{name}"]}
        rows = [
            max((of[key] for of in (lesion, bone) if key in of), key=lambda r: r.log_ratio)
            for key, _, _ in class_names()
            if key in lesion or key in bone
        ]
        lines += [f"  {name}:", *_rows(rows, "    ")]
    lines += [
        "reader:",
        "  status: one reader drew the same images twice; four sacroiliac examinations",
        "  rows:",
        *_rows(reader, "    "),
    ]
    return "\n".join(lines) + "\n"


def _rows(rows: Sequence[Fitted], indent: str) -> list[str]:
    used = falling(rows, [r.log_ratio for r in rows])
    return [
        f"{indent}- {{at_mm3: {r.at_mm3:.0f}, log_ratio: {value:.3f}, measured: "
        f"{r.log_ratio:.3f}, low: {r.low:.3f}, high: {r.high:.3f}, n: {r.n}}}"
        for r, value in zip(rows, used, strict=True)
    ]
