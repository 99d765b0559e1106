"""The smallest detectable change: what nothing but measuring again makes of a volume.

    python -m benchmarks.follow_repeat [--sets 2] [--workers 1] [--refit] [--write-table]

Digital knees, hips and ankles with lesions of known volume (0.15 to 20 ml) are scanned, and scanned
again after being laid down anew (turned by about 3 degrees, moved by part of a voxel, another
loading of the coil, another draw of noise, fat suppressed a little better or worse):

- matched: the same protocol;
- unmoved: the same protocol, and the patient lies still (which part of it is noise and coil);
- thickness: slices of 2 or 4.5 mm in place of 3 mm;
- scanner: the other field strength, SNR of 8 in place of 12, another coil;
- sequence: PD FS, STIR or T2 FS against another of these;
- all: all three at once.

Each scan is read by ``find_edema`` with T1, the true bones and the shipped parameters. d is
ln(second volume / first volume) of a lesion or of all edema in a bone. Where one scan shows none,
both are raised to the detection limit, as the software does when it compares; nothing is left of
the pair if the other is below that too. The smallest detectable change is 1.96 times the root mean
square of d (so that a shift between two protocols counts too), or the 95th percentile of |d| where
that is larger, by class of the geometric mean of both volumes; a class with few pairs takes it from
a curve through all.

The same for two trials of one human reader on four sacroiliac examinations, as fitted in
``benchmarks.reader_agreement``. --write-table writes what the software uses; --refit takes the
readings of the last run.

Not in it: bones that are found anew (true ones are given), a joint that is bent otherwise, motion,
red marrow, and change in the patient. So it is a lower bound.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.follow_scans import Protocol, Scan, person, scan
from benchmarks.follow_sdc import (
    CLASSES_MM3,
    LEAST,
    Fitted,
    fit_classes,
    reader_classes,
    smallest,
    table_text,
)
from benchmarks.stamp import RESULTS, ROOT, data_root, stamp
from marrowlight.edema.detection import detection_limits
from marrowlight.edema.find import find_edema
from marrowlight.edema.lesions import assign_to_bones, minimum_lesion_mm3, split_lesions
from marrowlight.edema.resolution import resolution
from marrowlight.phantom import EdemaSpec, PhantomSpec, Shape, make_anatomy
from marrowlight.study.series import Role

TABLE = ROOT / "src" / "marrowlight" / "course" / "smallest_change.yaml"
PEOPLE = ("knee", "hip", "knee", "ankle", "knee", "knee", "hip", "knee", "ankle")
FOV_MM = {"knee": 120.0, "hip": 140.0, "ankle": 120.0}
SEQUENCES = (Role.PD_FS, Role.STIR, Role.T2_FS)
CONDITIONS = ("unmoved", "matched", "thickness", "scanner", "sequence", "all")
ROOM_MM3 = {
    "medial_condyle": 12000, "lateral_condyle": 12000, "trochlea": 3000, "distal_femur": 20000,
    "medial_plateau": 5000, "lateral_plateau": 5000, "intercondylar_tibia": 5000,
    "proximal_tibia": 20000, "patella": 1500, "fibular_head": 500,
    "femoral_head": 12000, "femoral_neck": 5000, "greater_trochanter": 5000,
    "intertrochanteric": 20000, "acetabular_roof": 3000,
    "talar_dome": 3000, "talar_body": 5000, "talar_head": 1000, "tibial_plafond": 6000,
    "medial_malleolus": 500, "calcaneus": 12000, "navicular": 1000, "lateral_malleolus": 500,
}  # fmt: skip
"""Largest lesion that each site is given."""
SUBCHONDRAL = ("condyle", "plateau", "dome", "plafond", "femoral_head")
BETWEEN_MM = 9.0
"""Room left between the outlines of two lesions of one bone."""
TARGET = float(np.log(1.25))
"""Largest smallest detectable change that is wanted above 1 ml under a matched protocol."""
OLD = RESULTS / "follow_repeat.json"


@dataclass(frozen=True)
class Pair:
    """One thing measured twice; volumes in mm³, 0 where not found; floor: smallest counted."""

    condition: str
    joint: str
    sequence: str
    exam: str
    kind: str
    true_mm3: float
    first_mm3: float
    second_mm3: float
    floor_mm3: float


@dataclass(frozen=True)
class Reading:
    """Volumes by lesion (absent if it ran together with another one) and by bone label, mm³."""

    lesions: dict[int, float]
    bones: dict[int, float]
    floor_mm3: float


def lesion_sets(joint: str, seed: int, count: int) -> list[list[EdemaSpec]]:
    """Sets of lesions that lie apart, evenly over the classes of volume."""
    rng = np.random.default_rng([seed, 51])
    model = make_anatomy(PhantomSpec(joint=joint, seed=seed, samples=1, slices=3)).model
    turn = itertools.cycle(range(len(CLASSES_MM3)))
    sets: list[list[EdemaSpec]] = []
    for _ in range(count):
        few: list[EdemaSpec] = []
        for name in rng.permutation(list(model.sites)).tolist():
            low, high = CLASSES_MM3[next(turn)]
            high = min(high, ROOM_MM3[name])
            if low >= high:
                low, high = high / 4, high
            volume = float(np.exp(rng.uniform(np.log(low), np.log(high))))
            if any(_too_near(model.sites, name, volume, one) for one in few):
                continue
            flat = any(word in name for word in SUBCHONDRAL) and rng.random() < 0.5
            offset = rng.uniform(-2, 2, 3)
            few.append(EdemaSpec(
                name, volume, float(rng.uniform(0.25, 0.5)),
                Shape.SUBCHONDRAL if flat else Shape.BLOB, float(rng.uniform(2, 4)),
                offset_mm=(float(offset[0]), float(offset[1]), float(offset[2])),
            ))  # fmt: skip
        sets.append(few)
    return sets


def _too_near(sites: dict[str, Any], name: str, volume: float, other: EdemaSpec) -> bool:
    here, there = sites[name], sites[other.site]
    if here.bone != there.bone:
        return False
    radii = sum((3 * v / (4 * np.pi)) ** (1 / 3) for v in (volume, other.volume_mm3))
    return bool(np.linalg.norm(np.subtract(here.inner, there.inner)) < radii + BETWEEN_MM)


def read(one: Scan) -> Reading:
    """Find the edema of a scan and measure it by lesion and by bone."""
    found = find_edema(one.fluid, one.bones, t1=one.t1)
    grid = one.bones.grid
    bone_of = assign_to_bones(found.mask, one.bones.labels, grid)
    surround = one.bones.mask & ~found.mask
    floor = minimum_lesion_mm3(resolution(grid, contrast=found.contrast, marrow=surround))
    voxel = grid.voxel_volume_mm3
    lesions = dict.fromkeys(range(1, int(one.lesions.max()) + 1), 0.0)
    melted: set[int] = set()
    for part in split_lesions(bone_of, None, grid):
        volume = len(part.edema) * voxel
        met = set(np.unique(one.lesions[tuple(part.edema.T)]).tolist()) - {0}
        if len(met) > 1:
            melted |= met
        elif met and volume >= floor * (1 - 1e-9):
            lesions[met.pop()] += volume
    sizes = np.bincount(bone_of.ravel(), minlength=256) * voxel
    return Reading(
        {n: v for n, v in lesions.items() if n not in melted},
        {b.label: float(sizes[b.label]) for b in one.bones.bones},
        floor,
    )


def run_person(task: tuple[int, str, int]) -> list[Pair]:
    """Every set of lesions of one person, scanned once and then once under each condition."""
    number, joint, count = task
    seed = 700 + number
    who = person(PhantomSpec(joint=joint, seed=seed, fov_mm=FOV_MM[joint], edema=()),
                 lesion_sets(joint, seed, count))  # fmt: skip
    rng = np.random.default_rng([seed, 52])
    own, other = SEQUENCES[number % 3], SEQUENCES[(number + 1 + number // 3 % 2) % 3]
    field, other_field = (3.0, 1.5) if number % 2 else (1.5, 3.0)
    thick = 4.5 if number // 2 % 2 else 2.0
    base = Protocol(own, field_t=field)
    plans = {
        "first": base,
        "unmoved": base,
        "matched": base,
        "thickness": Protocol(own, thick, field),
        "scanner": Protocol(own, 3.0, other_field, 8.0, coil=1),
        "sequence": Protocol(other, field_t=field),
        "all": Protocol(other, thick, other_field, 8.0, coil=1),
    }
    lain = {s: who.pose(Protocol(own, s), rng, moved=s != 3.0) for s in (3.0, thick)}
    again = who.pose(base, rng)
    pairs: list[Pair] = []
    for n in range(count):
        readings = {}
        for k, (name, plan) in enumerate(plans.items()):
            still = plan.slice_mm != 3.0 or name in ("first", "unmoved")
            pose = lain[plan.slice_mm] if still else again
            readings[name] = read(scan(pose, n, plan, 100_000 + 1000 * number + 10 * n + k))
        first = readings.pop("first")
        true = {m: one.volume_mm3 for m, one in enumerate(who.sets[n], start=1)}
        by_bone = {b: sum(o.volume_mm3 for o in who.sets[n] if o.bone == b) for b in first.bones}
        for name, second in readings.items():
            floor = max(first.floor_mm3, second.floor_mm3)
            for kind, a, b, of in (("lesion", first.lesions, second.lesions, true),
                                   ("bone", first.bones, second.bones, by_bone)):  # fmt: skip
                pairs += [
                    Pair(name, joint, own.value, f"{seed}/{n}", kind, of.get(m, 0.0), a[m], b[m],
                         floor)
                    for m in a.keys() & b.keys()
                ]  # fmt: skip
    return pairs


def logs(pairs: list[Pair]) -> NDArray[np.float64]:
    """(n, 2) geometric mean in mm³ and ln(second / first) of what at least one scan shows."""
    limit = detection_limits()[0].mm3
    rows = []
    for p in pairs:
        a, b = p.first_mm3, p.second_mm3
        if min(a, b) < p.floor_mm3:
            a, b = max(a, limit), max(b, limit)
        if max(a, b) > limit or min(a, b) < limit:
            rows.append((np.sqrt(a * b), np.log(b / a)))
    return np.array(rows, float).reshape(-1, 2)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sets", type=int, default=2, help="sets of lesions of each person")
    parser.add_argument("--people", type=int, default=len(PEOPLE))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--refit", action="store_true", help="from the readings of the last run")
    parser.add_argument("--write-table", action="store_true", help=f"write {TABLE.name}")
    asked = parser.parse_args()
    start = time.perf_counter()
    if asked.refit:
        old = json.loads(OLD.read_text())
        head, sets = old["stamp"], old["sets"]
        pairs = [Pair(**dict(zip(old["columns"], row, strict=True))) for row in old["pairs"]]
    else:
        head, sets, pairs = stamp(), asked.sets, []
        people = itertools.islice(itertools.cycle(PEOPLE), asked.people)
        tasks = [(n, joint, sets) for n, joint in enumerate(people)]
        with ProcessPoolExecutor(asked.workers) as pool:
            for task, many in zip(tasks, pool.map(run_person, tasks), strict=True):
                pairs += many
                print(task[1], len(many), f"{time.perf_counter() - start:.0f} s", flush=True)
    _report(pairs, head, sets, asked.write_table)


def _report(pairs: list[Pair], head: dict[str, str], sets: int, write: bool) -> None:
    root = data_root()
    if root is None:
        sys.exit("no real data found: set MARROWLIGHT_DATA or place ../shared/data")
    fits: dict[str, list[Fitted]] = {}
    for kind, name in itertools.product(("lesion", "bone"), CONDITIONS):
        fits[f"{kind}/{name}"] = fit_classes(
            logs([p for p in pairs if p.kind == kind and p.condition == name])
        )
    reader = reader_classes(root)
    text = "\n".join(_lines(pairs, fits, reader, head, sets)) + "\n"
    rows = [[round(v, 1) if isinstance(v, float) else v for v in asdict(p).values()] for p in pairs]
    RESULTS.mkdir(parents=True, exist_ok=True)
    body = {"stamp": head, "sets": sets, "reader": [asdict(r) for r in reader],
            "phantom": {k: [asdict(r) for r in v] for k, v in fits.items()},
            "columns": list(asdict(pairs[0])), "pairs": rows}  # fmt: skip
    OLD.write_text(json.dumps(body).replace("], [", "],\n[") + "\n")
    OLD.with_suffix(".md").write_text(text)
    print(text)
    if write:
        TABLE.write_text(table_text(fits, reader, head))


def _ratio(log: float) -> str:
    return f"x{np.exp(-log):.2f} to x{np.exp(log):.2f}"


def _lines(
    pairs: list[Pair],
    fits: dict[str, list[Fitted]],
    reader: list[Fitted],
    head: dict[str, str],
    sets: int,
) -> list[str]:
    people = {p.exam.split("/")[0]: p.joint for p in pairs}
    joints = ", ".join(
        f"{j} ({list(people.values()).count(j)})" for j in dict.fromkeys(people.values())
    )
    lines = [
        "# The smallest detectable change", "",
        f"{head['date']}, commit {head['commit']}: {len({p.exam for p in pairs})} simulated exams "
        f"({sets} sets of lesions in each of {joints}), each scanned seven times. d = ln(second "
        "volume / first volume); SDC = 1.96 x RMS of d, or the 95th percentile of its size where "
        "that is larger; a class with fewer than "
        f"{LEAST} pairs takes it from a curve 1.96 small / (1 + (V / knee)^(1/3)) through all. "
        "Intervals by bootstrap. Classes by the geometric mean of both volumes. True bones: a "
        "lower bound.", "", *_target(pairs),
    ]  # fmt: skip
    titles = {"reader": "One human reader, two trials on the same images (four sacroiliac exams)"}
    for key, rows in {**fits, "reader": reader}.items():
        lines += [f"## {titles.get(key, key.replace('/', ', '))}", "",
                  "| ml | n | middle, ml | mean d | SD of d | 95th pct. of size of d | SDC "
                  "| as a ratio | SDC, 95 % interval |", "|---" * 9 + "|"]  # fmt: skip
        for r in rows:
            sd = "-" if r.sd is None else f"{r.sd:.2f}"
            lines.append(
                f"| {r.name} | {r.n} | {r.at_mm3 / 1000:.2f} | {r.mean:+.2f} | {sd} "
                f"| {r.p95:.2f} | {r.log_ratio:.2f} | {_ratio(r.log_ratio)} "
                f"| {r.low:.2f} to {r.high:.2f} |"
            )
        lines.append("")
    return lines + _missed(pairs) + _parts(pairs)


def _target(pairs: list[Pair]) -> list[str]:
    """What the matched protocol reaches above 1 ml, against the target."""
    lines = []
    for kind in ("lesion", "bone"):
        d = logs([p for p in pairs if p.kind == kind and p.condition == "matched"])
        d = d[d[:, 0] >= 1000, 1]
        reached = smallest(d)
        inside = f"{np.mean(np.abs(d) <= TARGET):.0%} of {len(d)} pairs lie within it"
        lines.append(
            f"- Matched protocol above 1 ml, by {kind}: {_ratio(reached)}; target "
            f"{_ratio(TARGET)}: {'met' if reached <= TARGET else 'NOT met'}, {inside}."
        )
    return [*lines, ""]


def _missed(pairs: list[Pair]) -> list[str]:
    """How often a lesion was found in one scan only, by its true volume."""
    head = " | ".join(CONDITIONS)
    lines = ["## Found in one of two scans only, by true volume", "",
             f"| ml | {head} |", "|---" * (len(CONDITIONS) + 1) + "|"]  # fmt: skip
    for low, high in CLASSES_MM3:
        cells = []
        for name in CONDITIONS:
            of = [p for p in pairs if p.kind == "lesion" and p.condition == name
                  and low <= p.true_mm3 < high and max(p.first_mm3, p.second_mm3) > 0]  # fmt: skip
            cells.append(f"{sum(min(p.first_mm3, p.second_mm3) == 0 for p in of)} of {len(of)}")
        lines.append(f"| {low / 1000:g} to {high / 1000:g} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _parts(pairs: list[Pair]) -> list[str]:
    """Lesions above 1 ml under the matched protocol: where the scatter comes from."""
    of = {c: [p for p in pairs if p.kind == "lesion" and p.condition == c] for c in CONDITIONS}
    rows = {"lying still: noise, coil, suppression": of["unmoved"], "laid down anew": of["matched"]}
    for field in ("sequence", "joint"):
        for value in sorted({getattr(p, field) for p in pairs}):
            rows[f"of these, {value}"] = [p for p in of["matched"] if getattr(p, field) == value]
    lines = ["## Matched protocol, lesions above 1 ml", "",
             "| part | n | SD of d | 1.96 x RMS as a ratio |", "|---" * 4 + "|"]  # fmt: skip
    for name, some in rows.items():
        d = logs(some)
        d = d[d[:, 0] >= 1000, 1]
        if len(d) > 2:
            rms = float(np.sqrt((d**2).mean()))
            lines.append(f"| {name} | {len(d)} | {d.std(ddof=1):.3f} | {_ratio(1.96 * rms)} |")
    head = "| exam | joint | sequence | true, mm³ | first | second |"
    lines += ["", "Farthest apart of them:", "", head, "|---" * 6 + "|"]
    both = [p for p in of["matched"] if min(p.first_mm3, p.second_mm3) > 0]
    large = [p for p in both if p.first_mm3 * p.second_mm3 >= 1e6]
    large.sort(key=lambda p: -abs(float(np.log(p.second_mm3 / p.first_mm3))))
    for p in large[:5]:
        volumes = " | ".join(f"{v:.0f}" for v in (p.true_mm3, p.first_mm3, p.second_mm3))
        lines.append(f"| {p.exam} | {p.joint} | {p.sequence} | {volumes} |")
    return lines


if __name__ == "__main__":
    main()
