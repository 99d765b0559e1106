"""How small and how faint a lesion is found, and how wrong its volume is, on phantom knees.

    python -m benchmarks.phantom_detection [--quick] [--sequence pdfs] [--workers 2]

Digital knees of several people get lesions of known volume at sites of several bones, over a grid
of volume, strength (share of water in place of marrow) and noise; each is read by ``find_edema``
with T1 and the true bones, with the shipped parameters, which never saw a phantom.

Found: the mask covers at least a tenth of the voxels that are more than half lesion; where none is,
that it has a voxel within 2 mm of the lesion's centroid. Found volume: the connected parts of the
mask that meet the lesion, unless they meet another lesion too; true volume: the exact one.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.detection_curve import Line, Panel, draw
from benchmarks.detection_statistics import fit_curve, limits, wilson
from benchmarks.stamp import RESULTS, stamp
from marrowlight.edema.find import find_edema
from marrowlight.edema.parameters import Parameters, load_parameters, shipped_parameters
from marrowlight.phantom import EdemaSpec, Phantom, PhantomSpec, make_anatomy, make_phantom
from marrowlight.phantom.anatomy import Anatomy
from marrowlight.study.series import Role

VOLUMES_MM3 = (20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0)
STRENGTHS = (0.1, 0.2, 0.4)
SNRS = (6.0, 12.0)
SITES = ("medial_condyle", "lateral_plateau", "distal_femur", "proximal_tibia", "patella")
ROOM_MM3 = {"patella": 500.0}
"""Largest lesion that a site is given."""
FOUND_SHARE = 0.1
NEAR_MM = 2.0
JITTER_MM = 3.0
FOV_MM = 120.0
"""Less of the shafts than a scan shows, which saves a third of the time."""


@dataclass(frozen=True)
class Job:
    """One image: a person, a noise level and the lesions in it."""

    person: int
    image: int
    snr: float
    lesions: tuple[EdemaSpec, ...]


@dataclass(frozen=True)
class Found:
    """What became of one lesion; volume is None if it was not found or melted into another."""

    volume_mm3: float
    strength: float
    snr: float
    site: str
    found: bool
    found_mm3: float | None
    contrast: float


@dataclass(frozen=True)
class Outcome:
    """What was found in one image: its lesions, and what was marked where nothing is."""

    job: Job
    lesions: tuple[Found, ...]
    false_parts: int
    false_mm3: float
    seconds: float


def plan(people: int, replicates: int) -> list[Job]:
    """Every volume at every strength and noise so many times, dealt over people and sites."""
    rng = np.random.default_rng(20)
    jobs: list[Job] = []
    for snr in SNRS:
        cells = list(itertools.product(VOLUMES_MM3, STRENGTHS)) * replicates
        rng.shuffle(cells)
        images: list[dict[str, EdemaSpec]] = []
        for volume, strength in cells:
            sites = [s for s in SITES if volume <= ROOM_MM3.get(s, np.inf)]
            rng.shuffle(sites)
            spot = _free(images, sites, volume)
            offset = rng.uniform(-JITTER_MM, JITTER_MM, 3)
            images[spot[0]][spot[1]] = EdemaSpec(
                spot[1], float(volume), float(strength), edge_mm=2.0,
                offset_mm=(float(offset[0]), float(offset[1]), float(offset[2])),
            )  # fmt: skip
        for image in images:
            number = len(jobs)
            jobs.append(Job(1 + number % people, number, snr, tuple(image.values())))
        jobs += [Job(1 + p, len(jobs) + p, snr, ()) for p in range(people)]
    return jobs


def _free(images: list[dict[str, EdemaSpec]], sites: list[str], volume: float) -> tuple[int, str]:
    """The first image with a free site; no image gets two large lesions."""
    for number, image in enumerate(images):
        if volume >= 1000 and any(one.volume_mm3 >= 1000 for one in image.values()):
            continue
        for site in sites:
            if site not in image:
                return number, site
    images.append({})
    return len(images) - 1, sites[0]


def run_person(task: tuple[list[Job], str, Path | None]) -> list[Outcome]:
    """All images of one person, whose anatomy is made once."""
    jobs, sequence, folder = task
    if not jobs:
        return []
    anatomy = make_anatomy(PhantomSpec(seed=jobs[0].person, edema=(), fov_mm=FOV_MM))
    parameters = load_parameters(folder) if folder else shipped_parameters()
    return [_run(job, anatomy, sequence, parameters) for job in jobs]


def _run(job: Job, anatomy: Anatomy, sequence: str, parameters: Parameters) -> Outcome:
    phantom = make_phantom(
        PhantomSpec(
            sequence=Role(sequence), also=(Role.T1,), edema=job.lesions, snr=job.snr,
            seed=1000 + job.image,
            fov_mm=FOV_MM,
        ),
        anatomy,
    )  # fmt: skip
    start = time.perf_counter()
    edema = find_edema(
        phantom.volume(),
        phantom.bones,
        t1=phantom.volume("t1w"),
        parameters=parameters,
    )
    seconds = time.perf_counter() - start
    parts, count = ndimage.label(edema.mask, np.ones((3, 3, 3)))
    lesions = [_judge(phantom, n, job, parts, edema.contrast) for n in range(len(job.lesions))]
    near = ndimage.binary_dilation(phantom.lesions > 0, np.ones((5, 5, 3)))
    true_parts = set(np.unique(parts[near]).tolist())
    false = [n for n in range(1, count + 1) if n not in true_parts]
    volume = float(np.isin(parts, false).sum() * phantom.grid.voxel_volume_mm3)
    return Outcome(job, tuple(lesions), len(false), volume, seconds)


def _judge(
    phantom: Phantom,
    number: int,
    job: Job,
    parts: NDArray[np.int32],
    contrast: NDArray[np.float32],
) -> Found:
    spec = job.lesions[number]
    grid = phantom.grid
    here = phantom.lesions == number + 1
    if here.any():
        met = parts[here]
        found = bool((met > 0).mean() >= FOUND_SHARE)
        seen = float(contrast[here].mean())
    else:
        middle = grid.to_index(phantom.truth["lesions"][number]["centroid_ras_mm"])
        index = np.argwhere(parts > 0)
        mm = np.linalg.norm((index - middle) * np.array(grid.spacing), axis=1)
        met = parts[tuple(index[mm <= NEAR_MM].T)] if len(index) else np.zeros(0, int)
        found = bool(len(met))
        seen = float("nan")
    mine = set(np.unique(met).tolist()) - {0}
    others = set(np.unique(parts[(phantom.lesions > 0) & ~here]).tolist())
    volume = None
    if found and not mine & others:
        volume = float(np.isin(parts, list(mine)).sum() * grid.voxel_volume_mm3)
    return Found(spec.volume_mm3, spec.strength, job.snr, spec.site, found, volume, seen)


def summarize(outcomes: list[Outcome]) -> dict[str, Any]:
    """Tables of detection, volume error and false positives, as plain values."""
    lesions = [one for outcome in outcomes for one in outcome.lesions]
    curves = []
    for snr, strength in itertools.product(SNRS, STRENGTHS):
        group = [x for x in lesions if x.snr == snr and x.strength == strength]
        volumes = np.array([x.volume_mm3 for x in group])
        curve = fit_curve(volumes, np.array([x.found for x in group]))
        rows = [_row([x for x in group if x.volume_mm3 == v], v) for v in VOLUMES_MM3]
        curves.append({
            "snr": snr, "strength": strength,
            "contrast_sd": _mean([x.contrast for x in group]),
            "rows": [row for row in rows if row["lesions"]],
            "a": curve.a, "b": curve.b,
            "smallest_95_mm3": _within(curve.volume_at()),
        })  # fmt: skip
    clean = [x for x in outcomes if not x.job.lesions]
    return {
        "curves": curves,
        "edema_free": [
            {
                "snr": snr,
                "phantoms": len(group := [x for x in clean if x.job.snr == snr]),
                "false_lesions_per_phantom": _mean([float(x.false_parts) for x in group]),
                "false_mm3_per_phantom": _mean([x.false_mm3 for x in group]),
                "phantoms_with_any": sum(x.false_parts > 0 for x in group),
            }
            for snr in SNRS
        ],
        "images": len(outcomes),
        "seconds_per_reading": _mean([x.seconds for x in outcomes]),
    }


def _row(group: list[Found], volume: float) -> dict[str, Any]:
    hits = sum(x.found for x in group)
    low, high = wilson(hits, len(group))
    ratios = np.array([x.found_mm3 / volume for x in group if x.found_mm3])
    error = limits(ratios) if len(ratios) >= 3 else None
    return {
        "volume_mm3": volume, "lesions": len(group), "found": hits,
        "share": hits / max(len(group), 1), "low": low, "high": high,
        "measured": len(ratios), "ratio": error,
    }  # fmt: skip


def _mean(values: list[float]) -> float | None:
    finite = [v for v in values if np.isfinite(v)]
    return float(np.mean(finite)) if finite else None


def _within(found: tuple[float, float, float] | None) -> list[float] | None:
    """The volume at 95 %, unless it lies beyond the largest lesion that was tried."""
    if found is None or found[0] > max(VOLUMES_MM3):
        return None
    return [round(v, 1) for v in found]


def report(summary: dict[str, Any], head: dict[str, str]) -> str:
    """The tables as Markdown."""
    lines = [
        "# Detection and volume error on phantom knees", "",
        f"{head['date']}, commit {head['commit']}, sequence {head['sequence']}, "
        f"{summary['images']} images, {summary['seconds_per_reading']:.1f} s per reading. "
        "Shipped parameters, T1 and true bones given. Strength is the share of water in place of "
        "marrow; contrast is in robust SD of normal marrow, as the finder saw it; ratio is found "
        "over exact volume (geometric mean, 95 % limits of agreement).", "",
        "## Smallest lesion found at 95 %", "",
        "| SNR of marrow | strength | contrast (SD) | mm³ (95 % interval) |", "|---|---|---|---|",
    ]  # fmt: skip
    for curve in summary["curves"]:
        small = curve["smallest_95_mm3"]
        text = (
            f"{small[0]:.0f} ({small[1]:.0f} to {small[2]:.0f})"
            if small
            else f"none up to {max(VOLUMES_MM3):.0f}"
        )
        contrast = "-" if curve["contrast_sd"] is None else f"{curve['contrast_sd']:.1f}"
        lines.append(f"| {curve['snr']:g} | {curve['strength']:g} | {contrast} | {text} |")
    lines += ["", "## By size", ""]
    lines += [
        "| SNR | strength | mm³ | found | probability (95 %) | volume ratio (limits) |",
        "|---|---|---|---|---|---|",
    ]
    for curve in summary["curves"]:
        for row in curve["rows"]:
            ratio = row["ratio"]
            error = f"{ratio[0]:.2f} ({ratio[1]:.2f} to {ratio[2]:.2f})" if ratio else "-"
            lines.append(
                f"| {curve['snr']:g} | {curve['strength']:g} | {row['volume_mm3']:g} "
                f"| {row['found']}/{row['lesions']} "
                f"| {row['share']:.2f} ({row['low']:.2f} to {row['high']:.2f}) | {error} |"
            )
    lines += ["", "## Phantoms without edema", "",
              "| SNR | phantoms | with any mark | marks each | mm³ each |",
              "|---|---|---|---|---|"]  # fmt: skip
    for row in summary["edema_free"]:
        lines.append(
            f"| {row['snr']:g} | {row['phantoms']} | {row['phantoms_with_any']} "
            f"| {row['false_lesions_per_phantom']:.1f} | {row['false_mm3_per_phantom']:.0f} |"
        )
    return "\n".join(lines) + "\n"


def picture(summary: dict[str, Any], title: str) -> list[Panel]:
    """The curves as panels of a picture."""
    panels = []
    for snr in SNRS:
        lines = []
        for curve in summary["curves"]:
            if curve["snr"] == snr:
                points = tuple(
                    (r["volume_mm3"], r["share"], r["low"], r["high"]) for r in curve["rows"]
                )
                fit = fit_curve(np.array([1.0, 10.0]), np.array([False, True]))
                fit = type(fit)(curve["a"], curve["b"], fit.covariance)
                lines.append(Line(f"strength {curve['strength']:g}", points, fit))
        panels.append(Panel(f"{title}, SNR {snr:g}", tuple(lines)))
    return panels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under a minute, wide intervals")
    parser.add_argument("--sequence", default="pdfs", choices=("pdfs", "stir", "t2fs"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--people", type=int, default=None)
    parser.add_argument("--replicates", type=int, default=None)
    parser.add_argument("--parameters", type=Path, help="of the finder; default: as shipped")
    chosen = parser.parse_args()
    people = chosen.people or (2 if chosen.quick else 5)
    jobs = plan(people, chosen.replicates or (1 if chosen.quick else 10))
    tasks = [
        ([j for j in jobs if j.person == p], chosen.sequence, chosen.parameters)
        for p in range(1, people + 1)
    ]
    start = time.perf_counter()
    with ProcessPoolExecutor(chosen.workers) as pool:
        outcomes = [one for many in pool.map(run_person, tasks) for one in many]
    summary = summarize(outcomes)
    head = {**stamp(), "sequence": chosen.sequence, "quick": str(chosen.quick)}
    text = report(summary, head)
    print(text)
    print(f"took {time.perf_counter() - start:.0f} s")
    suffix = "" if chosen.sequence == "pdfs" else f"_{chosen.sequence}"
    suffix += "_quick" if chosen.quick else ""
    RESULTS.mkdir(parents=True, exist_ok=True)
    base = RESULTS / f"phantom_detection{suffix}"
    base.with_suffix(".md").write_text(text, encoding="utf-8")
    base.with_suffix(".json").write_text(
        json.dumps({**head, **summary}, indent=1) + "\n", encoding="utf-8"
    )
    draw(picture(summary, chosen.sequence), "Detection on phantom knees", base.with_suffix(".svg"))


if __name__ == "__main__":
    main()
