"""``read`` of a real knee that is presumed free of edema, with nothing given but its images.

    python -m benchmarks.bones_negative [--data ../shared/data]

CubeQuant of a knee in which no edema was seen (no radiologist read it). Wanted: no lesion above the
detection limit that was measured on phantoms, and at most 300 mm³ in all. The other series of that
knee, and both together, are listed beside it; they carry no target.
"""

from __future__ import annotations

from typing import Any

from benchmarks.bone_cases import (
    bone_stamp,
    heading,
    parsed,
    parser_of,
    real_knees,
    table,
    together,
    verdict,
    write_result,
)
from marrowlight.anatomy.find_bones import find_bones
from marrowlight.edema.detection import detection_limits
from marrowlight.errors import MarrowlightError
from marrowlight.read_study import read
from marrowlight.study.study import Study

MOST_MM3 = 300.0


def read_one(study: Study, network: Any) -> dict[str, Any]:
    """Edema of the primary series without a mask; ``error`` if the study was refused."""
    try:
        result = read(study, bones=find_bones(study, weights=network))
    except MarrowlightError as error:
        return {"error": f"{type(error).__name__}: {error.found}"}
    lesions = [lesion for region in result.regions for lesion in region.edema.lesions]
    limits = [r.edema.detection_limit_mm3 for r in result.regions]
    known = [limit for limit in limits if limit is not None]
    limit = max(known) if known else detection_limits()[0].mm3
    return {
        "series": result.reading.primary_series,
        "role": result.primary.role.value if result.primary else "",
        "sequence": dict(result.primary.sequence) if result.primary else {},
        "total_mm3": sum(r.edema.volume_mm3 for r in result.regions),
        "lesions": len(lesions),
        "limit_mm3": limit,
        "limit_of_this_series": bool(known),
        "above_limit": sum(lesion.volume_mm3 >= limit for lesion in lesions),
        "largest_mm3": max((lesion.volume_mm3 for lesion in lesions), default=0.0),
        "by_bone_mm3": {
            b.bone: b.edema.volume_mm3 for region in result.regions for b in region.bones
        },
        "where": [
            {"bone": x.bone, "mm3": x.volume_mm3, "ras_mm": list(x.centroid_ras_mm)}
            for x in lesions
        ],
        "warnings": sorted({w.code for w in result.warnings}),
    }


def main() -> None:
    options = parsed(parser_of("bones_negative", __doc__))
    knees = real_knees(options.data, ("cubequant", "qdess2"))
    cases = {
        "CubeQuant": knees["cubequant"],
        "qDESS echo 2": knees["qdess2"],
        "both as one study": together(*knees.values()),
    }
    made = bone_stamp(options.network)
    results = {name: read_one(study, options.network) for name, study in cases.items()}
    rows: list[list[object]] = []
    for name, r in results.items():
        if "error" in r:
            rows.append([name, r["error"], "", "", "", "", ""])
            continue
        sequence = ", ".join(f"{k} {v}" for k, v in r["sequence"].items())
        limit = f"{r['limit_mm3']:.0f}"
        limit += "" if r["limit_of_this_series"] else " (of another sequence)"
        rows.append([name, f"{r['role']}: {sequence}", f"{r['total_mm3']:.0f}", r["lesions"],
                     f"{r['largest_mm3']:.0f}", limit, r["above_limit"]])  # fmt: skip
    first = results["CubeQuant"]
    total = first.get("total_mm3")
    above = first.get("above_limit")
    judged = {
        "total": verdict(total, MOST_MM3, most=True),
        "above_limit": verdict(above, 0, most=True),
    }
    lines = heading("Edema in a knee presumed free of it, nothing given", made,
                    "No radiologist read it.")  # fmt: skip
    lines += table(
        ["series", "sequence", "edema, mm³", "lesions", "largest, mm³", "detection limit, mm³",
         "above the limit"], rows
    )  # fmt: skip
    lines += [f"CubeQuant: at most {MOST_MM3:.0f} mm³ in all: {judged['total']}; "
              f"nothing above the limit: {judged['above_limit']}.", ""]  # fmt: skip
    write_result(options.output, {"stamp": made, "judged": judged, **results}, "\n".join(lines))


if __name__ == "__main__":
    main()
