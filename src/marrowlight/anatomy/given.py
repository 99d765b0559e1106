"""Bones from a mask that the user gives (NIfTI, NRRD or DICOM SEG)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.anatomy.foreign import foreign_labels
from marrowlight.anatomy.registry import bone_registry, find_bone
from marrowlight.errors import BadMask, GridMismatch, UsageError
from marrowlight.study.grid import Grid
from marrowlight.study.maskfile import MaskFile, read_mask
from marrowlight.study.study import Side

REGISTRY = "registry"
"""Value of --bone-labels that says: the numbers are those of the bone registry."""


def parse_bone_labels(text: str) -> dict[int, tuple[str, Side | None]]:
    """``"1=femur,3=tibia:left"`` to ``{1: ("femur", None), 3: ("tibia", Side.LEFT)}``.

    ``"registry"`` gives the numbers of the bone registry, and the name of a table of
    ``foreign_labels.yaml`` those of another tool, e.g. ``"totalsegmentator"``. Raises UsageError
    on anything else.
    """
    if text.strip().lower() == REGISTRY:
        return {bone.label: (bone.id, None) for bone in bone_registry().values()}
    if (table := foreign_labels().get(_table(text))) is not None:
        return dict(table.labels)
    labels: dict[int, tuple[str, Side | None]] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        number, _, name = part.partition("=")
        name, _, side = name.partition(":")
        if not number.strip().isdigit() or not 1 <= int(number) <= 255 or not name.strip():
            raise UsageError(
                f"{part!r} does not say which label is which bone.",
                where="--bone-labels",
                expected="label=bone with a label from 1 to 255, e.g. 1=femur,3=tibia:left; or "
                f"the name of a table: {REGISTRY}, {', '.join(foreign_labels())}",
            )
        if side and side not in {s.value for s in Side}:
            raise UsageError(
                f"{side!r} is no side.",
                where="--bone-labels",
                expected=", ".join(s.value for s in Side),
            )
        if int(number) in labels:
            raise UsageError(f"Label {number} is named twice.", where="--bone-labels")
        labels[int(number)] = (find_bone(name).id, Side(side) if side else None)
    if not labels:
        raise UsageError("No label was named.", where="--bone-labels", expected="e.g. 1=femur")
    return labels


def bones_from_file(
    path: str | Path,
    grids: Sequence[tuple[str, Grid]],
    *,
    labels: str | None = None,
    side: Side = Side.UNKNOWN,
    isolate: bool = False,
) -> BoneMap:
    """The bones in a mask file, on the grid of the image that it was drawn on.

    Parameters
    ----------
    path : NIfTI, NRRD or DICOM SEG
    grids : (name, Grid) of every image of the study; the mask must stand on one of them
    labels : as for ``parse_bone_labels``; None for names in the file, or one nameless bone
    side : side of every bone that is not given one
    isolate : as for ``open_study``

    Raises
    ------
    GridMismatch
        If the mask stands on none of the grids; names the nearest one and prints both.
    BadMask
        If the mask is empty or holds labels that nobody named.
    UsageError
        If ``labels`` cannot be read.
    """
    mask = read_mask(path, [grid for _, grid in grids], isolate=isolate)
    grid = _grid_of(mask, Path(path).name, grids)
    names = parse_bone_labels(labels) if labels else _names_in(mask)
    if labels and _table(labels) in foreign_labels():
        mask = _only_bones(mask, parse_bone_labels(labels), Path(path).name)
    present = np.unique(mask.labels)
    present = present[present > 0]
    if present.size and int(present.max()) > 255:
        raise BadMask(
            f"The bone mask holds labels up to {int(present.max())}.",
            where=Path(path).name,
            expected="labels from 1 to 255",
        )
    if names is None and present.size > 1:
        raise BadMask(
            f"The bone mask holds {present.size} labels ({_listing(present)}) and no names.",
            where=Path(path).name,
            expected="the bone of each label, or a mask with one label for all bone",
            do="name them, e.g. --bone-labels 1=femur,3=tibia, or --bone-labels registry if the "
            "numbers are those of Marrowlight's bone registry",
        )
    if names is None:
        names = {int(label): ("bone", None) for label in present}
    bones = tuple(LabelledBone(n, bone, own or side) for n, (bone, own) in sorted(names.items()))
    return _stable_labels(
        BoneMap(mask.labels.astype(np.uint8), grid, bones, "mask given by the user")
    )


def _table(text: str) -> str:
    """The name of a table as it is written in the file."""
    return text.strip().lower().replace("-", "_")


def _only_bones(mask: MaskFile, names: dict[int, tuple[str, Side | None]], name: str) -> MaskFile:
    """The mask without the organs that a table of another tool does not list."""
    kept = np.where(np.isin(mask.labels, list(names)), mask.labels, 0).astype(mask.labels.dtype)
    if mask.labels.any() and not kept.any():
        raise BadMask(
            f"The mask holds none of the bones of the table ({_listing(np.unique(mask.labels))}).",
            where=name,
            expected=", ".join(f"{n}={bone}" for n, (bone, _) in sorted(names.items())),
            do="name another table, or the labels one by one, e.g. --bone-labels 1=femur,3=tibia",
        )
    return replace(mask, labels=kept)


def _grid_of(mask: MaskFile, name: str, grids: Sequence[tuple[str, Grid]]) -> Grid:
    """The grid that the mask stands on; raises GridMismatch with both printed."""
    if not grids:
        return mask.grid
    for _, grid in grids:
        if mask.grid.matches(grid):
            return grid
    nearest = min(grids, key=lambda named: mask.grid.distance_mm(named[1]))
    try:
        mask.grid.require_match(nearest[1], this=f"mask {name}", that=f"image {nearest[0]}")
    except GridMismatch as error:
        error.where = f"{name}; {len(grids)} image(s) of the study were compared"
        raise
    return nearest[1]


def _names_in(mask: MaskFile) -> dict[int, tuple[str, Side | None]] | None:
    """Bones by label from the names that the file itself gives, or None if it gives none."""
    if not mask.segment_names:
        return None
    names: dict[int, tuple[str, Side | None]] = {}
    for label, name in mask.segment_names.items():
        words = name.lower().replace("_", " ").split()
        sides = [Side(w) for w in words if w in (Side.LEFT, Side.RIGHT)]
        bare = " ".join(w for w in words if w not in (Side.LEFT, Side.RIGHT))
        names[label] = (find_bone(bare).id, sides[0] if sides else None)
    return names


def _listing(labels: np.ndarray, most: int = 8) -> str:
    shown = ", ".join(str(int(n)) for n in labels[:most])
    return shown + (", ..." if labels.size > most else "")


def _stable_labels(bones: BoneMap) -> BoneMap:
    """The same map with the registry's own label numbers (a second side gets an offset)."""
    from marrowlight.anatomy.registry import LEFT_OFFSET

    present = [b for b in bones.bones if (bones.labels == b.label).any()]
    table = np.zeros(256, np.uint8)
    kept: dict[int, LabelledBone] = {}
    for one in present:
        number = bone_registry()[one.bone].label
        twice = any(o.bone == one.bone and o.side is not one.side for o in present)
        if twice and one.side is Side.LEFT:
            number += LEFT_OFFSET
        table[one.label] = number
        kept.setdefault(number, LabelledBone(number, one.bone, one.side))
    return BoneMap(table[bones.labels], bones.grid, tuple(kept.values()), bones.source)
