"""What the benchmarks of the bone network share: cases, figures, and how results are kept."""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.stamp import RESULTS, ROOT, data_root, stamp
from marrowlight.anatomy import network as networks
from marrowlight.anatomy.bonemap import BoneMap
from marrowlight.anatomy.find_bones import find_bones
from marrowlight.anatomy.found import BonesFound
from marrowlight.anatomy.network import OnnxNetwork, load_network, shipped_network
from marrowlight.errors import MarrowlightError
from marrowlight.study.grid import Grid
from marrowlight.study.made import plane_of
from marrowlight.study.open import open_study
from marrowlight.study.series import Role, Series
from marrowlight.study.study import Joint, Side, Study
from marrowlight.study.volume import Volume

Mask = NDArray[np.bool_]

KNEES = {
    "multiecho": "knee_ge_multiecho_bigendian",
    "cubequant": "knee_ge_cubequant_fs",
    "qdess2": "knee_ge_qdess_echo2",
}
"""Real knees: short name and folder. The last two show one knee."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a study: bones, or the error that refused it."""

    found: BonesFound | None
    error: str = ""
    text: str = ""

    @property
    def said(self) -> str:
        """In one line: the error, or each bone with its confidence."""
        if self.found is None:
            return f"refused, {self.error}: {self.text}"
        bones = [
            f"{t.bone}{'' if t.side is Side.UNKNOWN else ' ' + t.side.value} {t.confidence:.2f}"
            + (" cut off" if t.cut_off else "")
            for t in self.found.trust
            if t.read
        ]
        left = [f"{t.bone} ({t.reason})" for t in self.found.trust if not t.read]
        return f"{self.found.joint.value}: {', '.join(bones)}" + (
            f"; not read: {', '.join(left)}" if left else ""
        )


# --- options, stamps and files


def parser_of(name: str, doc: str | None) -> argparse.ArgumentParser:
    """The options that every bone benchmark has; name : without ``benchmarks.``."""
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}",
        description=doc,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--data", type=Path, default=data_root(), help="folder of real data")
    parser.add_argument("--weights", type=Path, help="folder of networks; default: as shipped")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / name)
    return parser


def parsed(parser: argparse.ArgumentParser, *, data: bool = True) -> argparse.Namespace:
    """Options, checked: ``data`` is there if it is needed, ``network`` is loaded."""
    options = parser.parse_args()
    if data and (options.data is None or not options.data.is_dir()):
        parser.error("no real data found: give --data or set MARROWLIGHT_DATA")
    options.network = network_of(options.weights)
    return options


def network_of(folder: Path | None) -> OnnxNetwork:
    """The networks in a folder, or those that are shipped."""
    return load_network(folder) if folder else shipped_network()


def bone_stamp(network: OnnxNetwork) -> dict[str, str]:
    """Date, commit and cores, and the hashes of the weights and of the code that finds bones."""
    return {**stamp(), "weights_sha256": network.sha256, "code_sha256": code_sha256()}


@functools.cache
def code_sha256() -> str:
    """SHA-256 of what decides how bones are found: kept results are only good for the same."""
    folder = ROOT / "src" / "marrowlight" / "anatomy"
    files = sorted([*folder.glob("*.py"), folder / "expected.yaml", folder / "bones.yaml"])
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def write_result(output: Path, report: Mapping[str, Any], text: str) -> None:
    """The result as JSON, its table as Markdown, and the table on the screen."""
    output.parent.mkdir(parents=True, exist_ok=True)
    output.with_suffix(".json").write_text(json.dumps(report, indent=1, allow_nan=True) + "\n")
    output.with_suffix(".md").write_text(text)
    print(text)


def heading(title: str, made: Mapping[str, str], *lines: str) -> list[str]:
    """The first lines of a result."""
    return [
        f"# {title}",
        "",
        f"{made['date']}, commit {made['commit']}, weights {made['weights_sha256'][:12]}.",
        *lines,
        "",
    ]


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """A Markdown table; floats with three digits."""

    def cell(value: object) -> str:
        if value is None:
            return ""
        return f"{value:.3f}" if isinstance(value, float) else str(value)

    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return [*lines, *("| " + " | ".join(map(cell, row)) + " |" for row in rows), ""]


def verdict(value: float | None, target: float, *, most: bool = False) -> str:
    """``reached`` or ``missed``; most : the target is the largest value that is allowed."""
    if value is None or not np.isfinite(value):
        return "not measured"
    return "reached" if (value <= target if most else value >= target) else "missed"


# --- work that can be broken off and taken up again


class Kept:
    """Results by key in a file that grows line by line; other weights or code: another file."""

    def __init__(self, name: str, network: OnnxNetwork, folder: Path | None = None) -> None:
        folder = folder or Path(tempfile.gettempdir()) / "marrowlight_benchmarks"
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / f"{name}-{network.sha256[:10]}-{code_sha256()[:10]}.jsonl"
        self.results: dict[str, Any] = {}
        if self.file.exists():
            for line in self.file.read_text().splitlines():
                try:
                    row = json.loads(line)
                except ValueError:
                    continue  # The run was broken off within this line.
                self.results[row["key"]] = row["result"]

    def add(self, key: str, result: Any) -> None:
        """Keep one result at once."""
        self.results[key] = result
        with self.file.open("a") as file:
            file.write(json.dumps({"key": key, "result": result}) + "\n")


_worker_network: OnnxNetwork | None = None


def _begin(folder: Path | None, threads: int) -> None:
    global _worker_network
    networks.THREADS = threads
    _worker_network = network_of(folder)


def _work(job: tuple[Callable[..., Any], str, Any]) -> tuple[str, Any]:
    function, key, what = job
    return key, function(_worker_network, what)


def run_all(
    function: Callable[[OnnxNetwork, Any], Any],
    jobs: Mapping[str, Any],
    kept: Kept,
    *,
    weights: Path | None,
    workers: int = 1,
    threads: int | None = None,
) -> Iterator[tuple[str, Any]]:
    """``(key, function(network, job))`` of every job, kept ones first; tells how far it is.

    function : at the top of a module; its result is plain JSON; threads : of the network in each
    worker, default 2 for one worker, else 1.
    """
    left = {key: job for key, job in jobs.items() if key not in kept.results}
    for key in jobs:
        if key in kept.results:
            yield key, kept.results[key]
    if len(left) < len(jobs):
        print(f"{len(jobs) - len(left)} of {len(jobs)} taken from {kept.file}", file=sys.stderr)
    tasks = [(function, key, job) for key, job in left.items()]
    threads = threads or (2 if workers == 1 else 1)

    def results() -> Iterator[tuple[str, Any]]:
        if workers == 1:
            _begin(weights, threads)
            yield from map(_work, tasks)
            return
        with ProcessPoolExecutor(workers, initializer=_begin, initargs=(weights, threads)) as pool:
            for future in as_completed([pool.submit(_work, task) for task in tasks]):
                yield future.result()

    for number, (key, result) in enumerate(results(), start=1):
        kept.add(key, result)
        print(f"{number}/{len(left)} {key}", file=sys.stderr, flush=True)
        yield key, result


# --- studies


def real_knees(data: Path, names: Sequence[str] = tuple(KNEES)) -> dict[str, Study]:
    """The real knees by short name, each with all series of its folder."""
    return {name: open_study(data / "dicom" / KNEES[name], joint="knee") for name in names}


def alone(study: Study, series: Series) -> Study:
    """The study with one series of it."""
    primary = series.id if series.role.fluid_sensitive else None
    return replace(study, series=(series,), primary_id=primary)


def together(*studies: Study) -> Study:
    """All series of several studies of one visit as one study, with new ids."""
    every = [s for study in studies for s in study.series]
    series = tuple(replace(s, id=f"s{n}") for n, s in enumerate(every, start=1))
    primary = next((s.id for s in series if s.role.fluid_sensitive), None)
    return replace(studies[0], series=series, primary_id=primary)


def each_series(knees: Mapping[str, Study]) -> dict[str, Study]:
    """Every series of every knee on its own; echoes of a series are numbered."""
    out = {}
    for name, study in knees.items():
        for number, series in enumerate(study.series, start=1):
            key = f"{name} echo {number}" if len(study.series) > 1 else name
            out[key] = alone(study, series)
    return out


def made_study(
    image: NDArray[Any],
    affine: NDArray[np.float64],
    joint: Joint,
    *,
    side: Side = Side.UNKNOWN,
    role: Role = Role.OTHER,
    name: str = "made",
) -> Study:
    """A study of one series from an array; (I, J, K) with K the slice axis."""
    grid = Grid((image.shape[0], image.shape[1], image.shape[2]), affine)
    volume = Volume(np.ascontiguousarray(image, np.float32), grid)
    series = Series("s1", volume, role, ("made for a benchmark",), name, plane_of(grid))
    return Study(
        (series,), (), joint, ("made for a benchmark",), side, ("made for a benchmark",),
        "s1" if role.fluid_sensitive else None, "made for a benchmark",
    )  # fmt: skip


def changed(study: Study, voxels: NDArray[Any], affine: NDArray[np.float64] | None = None) -> Study:
    """A study of one series with other voxels, and another place in space."""
    series = study.series[0]
    shape = (voxels.shape[0], voxels.shape[1], voxels.shape[2])
    grid = Grid(shape, series.volume.grid.affine if affine is None else affine)
    volume = Volume(np.ascontiguousarray(voxels, np.float32), grid)
    return replace(study, series=(replace(series, volume=volume, plane=plane_of(grid)),))


def outcome(study: Study, network: OnnxNetwork) -> Outcome:
    """Bones of a study, or the error of the product that refused it; other errors pass."""
    try:
        return Outcome(find_bones(study, weights=network))
    except MarrowlightError as error:
        return Outcome(None, type(error).__name__, error.found)


# --- figures


def bone_mask(bones: BoneMap, name: str, side: Side | None = None) -> Mask:
    """Voxels of a bone by registry id, of both sides unless one is named."""
    labels = [b.label for b in bones.bones if b.bone == name and side in (None, b.side)]
    mask: Mask = np.isin(bones.labels, labels)
    return mask


def dice(a: Mask, b: Mask) -> float:
    """Dice overlap; nan if both are empty."""
    size = int(a.sum()) + int(b.sum())
    return float("nan") if size == 0 else 2.0 * int((a & b).sum()) / size


def volumes_ml(bones: BoneMap) -> dict[str, float]:
    """Volume of each bone in ml, by registry id."""
    names = sorted({b.bone for b in bones.bones})
    voxel = bones.grid.voxel_volume_mm3 / 1000.0
    return {name: float(bone_mask(bones, name).sum() * voxel) for name in names}


def pooled_dice(counts: Sequence[tuple[int, int, int]]) -> float:
    """Dice over the voxels of several images; counts : (true, found, both) of each."""
    if not counts:
        return float("nan")
    true, found, both = np.asarray(counts, np.int64).sum(axis=0)
    return float(2 * both / (true + found)) if true + found else float("nan")


def median_dice(counts: Sequence[tuple[int, int, int]]) -> float:
    """Median over images of the Dice in each."""
    if not counts:
        return float("nan")
    return float(np.median([2 * both / max(true + found, 1) for true, found, both in counts]))
