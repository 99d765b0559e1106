"""Bones against outlines that were drawn by hand on slices of the real knees.

    python -m benchmarks.bones_outlines [--data ../shared/data]

The outlines (``benchmarks/outlines``) were drawn by developers with care and before they looked at
the network's answer; no radiologist drew them. Each is compared with the bones found in its own
series alone, and in all series of that knee together. A bone that is not read counts as Dice 0.
Beside it: how far the same hand agreed with itself, and bone that was drawn on a slice on which the
hand saw none of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.bone_cases import (
    KNEES,
    Outcome,
    alone,
    bone_stamp,
    heading,
    outcome,
    parsed,
    parser_of,
    real_knees,
    table,
    together,
    verdict,
    write_result,
)
from benchmarks.outline_masks import SliceOutlines, all_outlines, dice, self_agreement
from marrowlight.anatomy.bonemap import BoneMap

TARGETS = {"femur": 0.95, "tibia": 0.95, "patella": 0.90}
SURE_LEAST = 0.5
"""A bone most of whose outline is not seen is not compared where only sure areas count."""

Row = dict[str, Any]


def compare(drawn: SliceOutlines, bones: BoneMap | None) -> list[Row]:
    """One row per bone that is outlined on a slice, and per bone that is found and is not."""
    on_grid = bones.onto(drawn.grid) if bones else None
    plane = on_grid.labels.take(drawn.position, axis=drawn.axis) if on_grid else None
    sure = drawn.sure()
    rows = []
    found_here = {b.bone for b in bones.bones} if bones else set()
    for name in [*drawn.bones, *sorted(found_here - set(drawn.bones))]:
        mask = drawn.mask(name)
        labels = [b.label for b in bones.bones if b.bone == name] if bones else []
        found = np.isin(plane, labels) if plane is not None else np.zeros(mask.shape, bool)
        if not mask.any():
            if found.any():
                area = float(found.sum() * drawn.pixel_mm2)
                rows.append({"slice": drawn.name, "bone": name, "dice": None, "dice_sure": None,
                             "drawn_mm2": 0.0, "found_mm2": area})  # fmt: skip
            continue
        seen = float((mask & sure).sum() / mask.sum()) >= SURE_LEAST
        rows.append({
            "slice": drawn.name, "bone": name, "dice": dice(found, mask),
            "dice_sure": dice(found & sure, mask & sure) if seen else None,
            "drawn_mm2": float(mask.sum() * drawn.pixel_mm2),
            "found_mm2": float(found.sum() * drawn.pixel_mm2),
            "both_mm2": float((found & mask).sum() * drawn.pixel_mm2),
        })  # fmt: skip
    return rows


def figures(rows: Sequence[Row]) -> dict[str, float | int]:
    """Mean, median, least and pooled Dice of the rows of one bone; and where the border is seen."""
    drawn = [r for r in rows if r["dice"] is not None]
    values = np.array([r["dice"] for r in drawn], float)
    sure = np.array([r["dice_sure"] for r in drawn if r["dice_sure"] is not None], float)
    area = sum(r["drawn_mm2"] + r["found_mm2"] for r in drawn)
    return {
        "slices": len(drawn),
        "mean": float(values.mean()),
        "median": float(np.median(values)),
        "least": float(values.min()),
        "pooled": 2 * sum(r["both_mm2"] for r in drawn) / area if area else float("nan"),
        "mean_sure": float(sure.mean()) if len(sure) else float("nan"),
        "invented_mm2": float(sum(r["found_mm2"] for r in rows if r["dice"] is None)),
    }


def summary(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Figures by bone, against the targets."""
    out: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(r["bone"] for r in rows if r["dice"] is not None):
        out[name] = dict(figures([r for r in rows if r["bone"] == name]))
        if name in TARGETS:
            out[name]["target"] = TARGETS[name]
            out[name]["of_mean"] = verdict(out[name]["mean"], TARGETS[name])
    return out


def found_bones(
    drawn: Sequence[SliceOutlines], outcomes: Mapping[str, Outcome]
) -> list[tuple[SliceOutlines, BoneMap | None]]:
    """Each slice with the bones of its series; outcomes : by folder."""
    out = []
    for one in drawn:
        found = outcomes[one.folder].found
        out.append((one, found.bones if found else None))
    return out


def main() -> None:
    options = parsed(parser_of("bones_outlines", __doc__))
    drawn = all_outlines()
    if not drawn:
        raise SystemExit("there are no outlines in benchmarks/outlines")
    knees = real_knees(options.data)
    by_folder = {KNEES[name]: study for name, study in knees.items()}
    pair = together(knees["cubequant"], knees["qdess2"])
    fused = {KNEES["multiecho"]: knees["multiecho"]}
    fused |= {KNEES[name]: pair for name in ("cubequant", "qdess2")}
    single: dict[str, Outcome] = {}
    whole: dict[str, Outcome] = {}
    done: dict[int, Outcome] = {}
    for folder in dict.fromkeys(d.folder for d in drawn):
        study = by_folder[folder]
        # Outlines are on the first echo; all echoes lie on one grid.
        single[folder] = outcome(alone(study, study.series[0]), options.network)
        print(f"{folder}: {single[folder].said}", flush=True)
        if id(fused[folder]) not in done:
            done[id(fused[folder])] = outcome(fused[folder], options.network)
        whole[folder] = done[id(fused[folder])]
    made = bone_stamp(options.network)
    rows = [r for d, b in found_bones(drawn, single) for r in compare(d, b)]
    rows_fused = [r for d, b in found_bones(drawn, whole) for r in compare(d, b)]
    lines = heading(
        "Bones against outlines drawn by hand", made,
        f"{len(drawn)} slices, drawn by developers, not by a radiologist.",
    )  # fmt: skip
    summaries = {"alone": summary(rows), "fused": summary(rows_fused)}
    titles = {"alone": "Each series alone", "fused": "All series of the knee together"}
    for key, title in titles.items():
        lines += [f"{title}.", ""]
        lines += table(
            ["bone", "slices", "mean", "median", "least", "pooled", "mean where seen",
             "drawn where there is none, mm²", "target", "mean against it"],
            [[name, s["slices"], s["mean"], s["median"], s["least"], s["pooled"], s["mean_sure"],
              f"{s['invented_mm2']:.0f}", s.get("target"), s.get("of_mean", "no target")]
             for name, s in summaries[key].items()],
        )  # fmt: skip
    again = self_agreement()
    hand: dict[str, list[float]] = {}
    for by_bone in again.values():
        for name, value in by_bone.items():
            hand.setdefault(name, []).append(value)
    lines += ["The same hand, drawn twice.", ""]
    lines += table(
        ["bone", "slices", "mean Dice"], [[n, len(v), float(np.mean(v))] for n, v in hand.items()]
    )
    lines += ["Each slice; series alone, then together.", ""]
    other = {(r["slice"], r["bone"]): r["dice"] for r in rows_fused}
    lines += table(
        ["slice", "bone", "Dice", "where seen", "together", "drawn mm²", "found mm²"],
        [[r["slice"], r["bone"], r["dice"], r["dice_sure"], other.get((r["slice"], r["bone"])),
          f"{r['drawn_mm2']:.0f}", f"{r['found_mm2']:.0f}"] for r in rows],
    )  # fmt: skip
    report = {"stamp": made, "summary": summaries, "same_hand": again, "rows": rows,
              "rows_fused": rows_fused}  # fmt: skip
    write_result(options.output, report, "\n".join(lines))


if __name__ == "__main__":
    main()
