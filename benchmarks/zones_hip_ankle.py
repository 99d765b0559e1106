"""In how many label maps of hips and ankles each zone is found, and how large it is.

    python -m benchmarks.zones_hip_ankle            # all; --only ankle renews one set of them

Reads every label map of ``anatomy/hip``, ``anatomy/ankle`` and of the hips and ankles in
``anatomy/evaluation_only``, and the sacroiliac bone masks in ``sij``. A zone counts as placed where
it holds at least one voxel. Also counted: maps whose mirror image does not give the mirrored zones
(every fourth map, every voxel of bone), and bones that were not placed, by reason.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

import nibabel as nib
import numpy as np

from benchmarks.stamp import RESULTS, data_root, stamp
from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.anatomy.registry import bone_registry
from marrowlight.anatomy.zonemap import ZoneMap
from marrowlight.anatomy.zones_of import zones_of
from marrowlight.study.grid import Grid
from marrowlight.study.study import Joint, Side

CARTILAGE = 20
"""Label of the anatomy maps that is no bone."""

MIRROR_EVERY = 4

SETS = {
    "hip": (Joint.HIP, ("anatomy/hip", "anatomy/evaluation_only/hip")),
    "ankle": (Joint.ANKLE, ("anatomy/ankle", "anatomy/evaluation_only/ankle")),
}


def label_map(path: Path, side: Side = Side.RIGHT) -> BoneMap:
    """The bones of a label map with the numbers of the registry; cartilage is left out."""
    image = nib.load(path)
    labels = np.asarray(image.dataobj).astype(np.uint8)
    labels[labels >= CARTILAGE] = 0
    there = set(np.unique(labels).tolist())
    bones = tuple(
        LabelledBone(b.label, b.id, side) for b in bone_registry().values() if b.label in there
    )
    return BoneMap(labels, Grid(labels.shape, image.affine), bones, path.name)


def nameless_map(path: Path) -> BoneMap:
    """A mask of all bone, without names."""
    image = nib.load(path)
    mask = (np.asarray(image.dataobj) > 0).astype(np.uint8)
    return BoneMap(mask, Grid(mask.shape, image.affine), (LabelledBone(1, "bone"),), path.name)


def mirrored(bones: BoneMap) -> BoneMap:
    """The mirror image: x becomes -x, left becomes right."""
    other = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}
    grid = Grid(bones.grid.shape, np.diag([-1.0, 1.0, 1.0, 1.0]) @ bones.grid.affine)
    swapped = tuple(LabelledBone(b.label, b.bone, other.get(b.side, b.side)) for b in bones.bones)
    return BoneMap(bones.labels, grid, swapped, bones.source)


def different_share(one: ZoneMap, other: ZoneMap, bones: BoneMap) -> float:
    """Largest share, over the systems, of voxels of bone that lie in another zone of the other."""
    return max(float((one.maps[s] != other.maps[s])[bones.mask].mean()) for s in one.systems)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", choices=[*SETS, "sacroiliac"], help="renew this set alone")
    options = parser.parse_args(argv)
    root = data_root()
    if root is None:
        sys.exit("real data not found: set MARROWLIGHT_DATA or place ../shared/data")
    done: dict[str, object] = {}
    for name, (joint, folders) in SETS.items():
        if options.only in (None, name):
            paths = sorted(p for f in folders for p in (root / f).glob("*.nii.gz"))
            done[name] = measured([(p.name, label_map(p)) for p in paths], joint, mirror=True)
    if options.only in (None, "sacroiliac"):
        masks = [(p.parent.name, nameless_map(p)) for p in sorted(root.glob("sij/*/bone.nii.gz"))]
        done["sacroiliac"] = measured(masks, Joint.SACROILIAC, mirror=False)
    file = RESULTS / "zones_hip_ankle.json"
    before = json.loads(file.read_text())["sets"] if options.only and file.exists() else {}
    sets = {n: {**before, **done}[n] for n in (*SETS, "sacroiliac") if n in {**before, **done}}
    RESULTS.mkdir(exist_ok=True)
    file.write_text(json.dumps({"made": stamp(), "sets": sets}, indent=1) + "\n")
    table = "\n".join(table_of(sets)) + "\n"
    (RESULTS / "zones_hip_ankle.md").write_text(table)
    print(table)


def measured(maps: list[tuple[str, BoneMap]], joint: Joint, *, mirror: bool) -> dict[str, object]:
    """Count the zones of some label maps."""
    volumes: dict[tuple[str, str], list[float]] = defaultdict(list)
    unplaced: Counter[str] = Counter()
    notices: Counter[str] = Counter()
    outside: dict[str, list[float]] = defaultdict(list)
    differ: dict[str, float] = {}
    zones = ()
    for number, (name, bones) in enumerate(maps):
        found = zones_of(bones, joint=joint)
        zones = found.zones
        unplaced.update(f"{bone}: {why}" for bone, why in found.unplaced)
        notices.update(n.code for n in found.notices)
        for zone in zones:
            volumes[zone.system, zone.id].append(found.volume_mm3(zone))
        for system in found.systems:
            outside[system].append(float((found.maps[system][bones.mask] == 0).mean()))
        if mirror and number % MIRROR_EVERY == 0:
            share = different_share(found, zones_of(mirrored(bones), joint=joint), bones)
            differ[name] = share
    table = []
    for zone in zones:
        all_of = np.array(volumes[zone.system, zone.id])
        held = all_of[all_of > 0] / 1000
        spread = (
            [round(float(v), 2) for v in np.percentile(held, [50, 0, 100])] if len(held) else []
        )
        table.append({"system": zone.system, "zone": zone.id, "placed": len(held), "ml": spread})
    return {
        "maps": len(maps),
        "zones": table,
        "outside_median": {s: round(float(np.median(v)), 3) for s, v in outside.items()},
        "unplaced": dict(unplaced.most_common()),
        "notices": dict(notices.most_common()),
        "mirror_differs": differ,
    }


def table_of(sets: dict[str, dict[str, object]]) -> list[str]:
    """The results as lines of Markdown."""
    lines = ["# Zones of hip, ankle and sacroiliac joints", ""]
    for title, one in sets.items():
        lines += ["", f"## {title}: {one['maps']} label maps", ""]
        lines += [
            "| system | zone | placed | median ml | least | most |",
            "|---|---|---|---|---|---|",
        ]
        for row in one["zones"]:
            placed = f"{row['placed']}/{one['maps']}"
            cells = [row["system"], row["zone"], placed, *map(str, row["ml"] or "---")]
            lines.append("| " + " | ".join(cells) + " |")
        lines += ["", f"- share of bone outside every zone, median: {one['outside_median']}"]
        lines += [f"- not placed, {n} x: {why}" for why, n in one["unplaced"].items()]
        lines += [f"- notice {code}: {n} x" for code, n in one["notices"].items()]
        if one["mirror_differs"]:
            shares = list(one["mirror_differs"].values())
            lines.append(
                f"- mirror images: {len(shares)}; with any voxel of bone in another zone: "
                f"{sum(s > 0 for s in shares)}, at most {max(shares):.5f} of the voxels"
            )
    return lines


if __name__ == "__main__":
    main()
