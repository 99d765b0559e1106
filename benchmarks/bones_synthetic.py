"""Bones of people that no network was trained on, in the frozen synthetic stacks.

    python -m benchmarks.bones_synthetic --stacks FOLDER [--every 20] [--workers 2]

Every stack is read alone, as a study of one series whose joint is named, and compared in three
dimensions with the bones that were painted into it. Stacks that are not in the folder yet are made
(``training.bones.frozen``). A bone of which the stack holds less than 500 mm³ or 60 voxels is left
out; a bone that the product does not read counts as Dice 0 and is counted apart as refused.
``evaluation_only`` holds joints of other collections, which nobody trains on.

Results are kept beside the stacks, by weights and code: a run that was broken off goes on.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bone_cases import (
    Kept,
    bone_mask,
    bone_stamp,
    heading,
    made_study,
    median_dice,
    outcome,
    parsed,
    parser_of,
    pooled_dice,
    run_all,
    table,
    verdict,
    write_result,
)
from marrowlight.anatomy.network import OnnxNetwork
from marrowlight.anatomy.registry import bone_registry
from marrowlight.study.series import Role
from marrowlight.study.study import Joint

LEAST_MM3 = 500.0
LEAST_VOXELS = 60

ROLES = {"fat_suppressed": Role.PD_FS, "water_selective": Role.GRE_FS}
"""What a user's files would say of a contrast family; the others are of no known role."""

LARGE = ("femur", "tibia", "hip_bone", "sacrum", "talus", "calcaneus")
"""Bones for which the target of hip and ankle is that of large ones; the others are small."""

Row = dict[str, Any]


def target_of(site: str, bone: str) -> float | None:
    """Least Dice that is wanted; None for a bone without a target."""
    if site == "knee":
        return {"femur": 0.97, "tibia": 0.97, "patella": 0.94}.get(bone)
    return 0.95 if bone in LARGE else 0.90


def read_stack(network: OnnxNetwork, file: str) -> list[Row]:
    """One row per bone that the stack holds: true, found and common voxels, and what was said."""
    stack = np.load(file)
    site, family = str(stack["site"]), str(stack["family"])
    role = ROLES.get(family, Role.OTHER)
    study = made_study(stack["image"], stack["affine"], Joint(site), role=role)
    labels = stack["labels"]
    voxel = study.series[0].volume.grid.voxel_volume_mm3
    result = outcome(study, network)
    rows = []
    for bone in bone_registry().values():
        truth = labels == bone.label
        count = int(truth.sum())
        if count < LEAST_VOXELS or count * voxel < LEAST_MM3:
            continue
        row: Row = {"stack": Path(file).stem, "site": site, "plane": str(stack["plane"]),
                    "family": family, "bone": bone.id, "true": count, "found": 0, "both": 0,
                    "confidence": 0.0, "refused": "", "mm3": round(count * voxel)}  # fmt: skip
        if result.found is None:
            row["refused"] = f"{result.error}: {result.text}"
        else:
            found = bone_mask(result.found.bones, bone.id)
            trust = [t for t in result.found.trust if t.bone == bone.id]
            row["found"], row["both"] = int(found.sum()), int((found & truth).sum())
            row["confidence"] = max((t.confidence for t in trust), default=0.0)
            if not found.any():
                row["refused"] = "; ".join(t.reason for t in trust) or "not looked for"
        rows.append(row)
    return rows


def figures(rows: Sequence[Row]) -> dict[str, Any]:
    """Pooled and median Dice of some rows, all of them and only bones that were read."""
    counts = [(r["true"], r["found"], r["both"]) for r in rows]
    read = [(r["true"], r["found"], r["both"]) for r in rows if not r["refused"]]
    return {
        "stacks": len(rows),
        "refused": len(rows) - len(read),
        "pooled": pooled_dice(counts),
        "median": median_dice(counts),
        "pooled_read": pooled_dice(read),
        "median_read": median_dice(read),
        "least_read": min((2 * b / max(t + f, 1) for t, f, b in read), default=float("nan")),
    }


def grouped(rows: Sequence[Row], *keys: str) -> dict[tuple[str, ...], list[Row]]:
    """Rows by the values of some keys, in the order of the registry."""
    order = list(bone_registry())

    def key(row: Row) -> tuple[Any, ...]:
        return tuple(order.index(row[k]) if k == "bone" else row[k] for k in keys)

    ranked = sorted(rows, key=key)
    return {
        tuple(str(first[k]) for k in keys): many
        for _, group in itertools.groupby(ranked, key=key)
        for many in [list(group)]
        for first in [many[0]]
    }


def summary(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """By site and bone: figures, and the worst cell of plane and contrast against the target."""
    out = []
    for (site, bone), group in grouped(rows, "site", "bone").items():
        cells = grouped(group, "plane", "family")
        pooled = {k: figures(v)["pooled"] for k, v in cells.items()}
        median = {k: figures(v)["median"] for k, v in cells.items()}
        worst = min(pooled, key=lambda k: pooled[k])
        target = target_of(site, bone)
        least = min(*pooled.values(), *median.values())
        out.append({
            "site": site, "bone": bone, **figures(group), "worst_cell": " ".join(worst),
            "worst_pooled": pooled[worst], "worst_median": min(median.values()), "target": target,
            "of_worst": verdict(least, target) if target else "no target",
            "cells_below": 0 if target is None else
            sum(min(pooled[k], median[k]) < target for k in pooled), "cells": len(cells),
        })  # fmt: skip
    return out


def lines_of(rows: Sequence[Row], title: str) -> list[str]:
    """The tables of one set."""
    lines = [f"## {title}", ""]
    lines += table(
        ["site", "bone", "stacks", "refused", "pooled", "median", "pooled, read ones",
         "median, read ones", "least, read ones", "worst plane and contrast", "its pooled",
         "target", "in every cell", "cells below"],
        [[s["site"], s["bone"], s["stacks"], s["refused"], s["pooled"], s["median"],
          s["pooled_read"], s["median_read"], s["least_read"], s["worst_cell"], s["worst_pooled"],
          s["target"], s["of_worst"], f"{s['cells_below']} of {s['cells']}"]
         for s in summary(rows)],
    )  # fmt: skip
    for site in dict.fromkeys(r["site"] for r in rows):
        mine = [r for r in rows if r["site"] == site]
        columns = list(grouped(mine, "plane", "family"))
        lines += [f"{site}: pooled / median Dice (refused) by plane and contrast", ""]
        body = []
        for (bone,), group in grouped(mine, "bone").items():
            cells = grouped(group, "plane", "family")
            body.append([bone, *(_cell(cells.get(c, [])) for c in columns)])
        lines += table(["bone", *(f"{p} {f}" for p, f in columns)], body)
    return lines


def _cell(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    f = figures(rows)
    refused = f" ({f['refused']} of {f['stacks']})" if f["refused"] else ""
    return f"{f['pooled']:.3f} / {f['median']:.3f}{refused}"


def main() -> None:
    parser = parser_of("bones_synthetic", __doc__)
    parser.add_argument("--stacks", type=Path, required=True, help="folder of the frozen stacks")
    parser.add_argument("--every", type=int, default=1, help="only every Nth stack")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--as-they-are", action="store_true", help="make no missing stack")
    options = parsed(parser, data=False)
    if not options.as_they_are:
        if options.data is None:
            parser.error("no real data found to make stacks of: give --data, or --as-they-are")
        from training.bones.frozen import write_frozen

        write_frozen(options.data / "anatomy", options.stacks)
    sets = {"frozen": options.stacks, "evaluation_only": options.stacks / "evaluation_only"}
    results: dict[str, list[Row]] = {}
    for name, folder in sets.items():
        files = sorted(f for f in folder.glob("*.npz") if ".part" not in f.name)[:: options.every]
        kept = Kept(f"bones_{name}", options.network, options.stacks)
        jobs = {f"{name}/{f.stem}": str(f) for f in files}
        rows = [
            row
            for _, many in run_all(
                read_stack, jobs, kept, weights=options.weights, workers=options.workers
            )
            for row in many
        ]
        results[name] = sorted(rows, key=lambda r: (r["stack"], r["bone"]))
    made = bone_stamp(options.network)
    count = {name: len({r["stack"] for r in rows}) for name, rows in results.items()}
    lines = heading(
        "Bones in synthetic stacks of people not trained on", made,
        f"{count['frozen']} frozen stacks and {count['evaluation_only']} of other collections"
        + (f" (every {options.every}th)" if options.every > 1 else "")
        + "; one series each, joint named. Refused bones count as 0.",
    )  # fmt: skip
    titles = {"frozen": "Frozen test set", "evaluation_only": "Other collections"}
    for name, rows in results.items():
        lines += lines_of(rows, titles[name]) if rows else []
    report = {
        "stamp": made,
        "every": options.every,
        "stacks": count,
        "summary": {name: summary(rows) for name, rows in results.items()},
        "rows": results,
    }
    write_result(options.output, report, "\n".join(lines))


if __name__ == "__main__":
    main()
