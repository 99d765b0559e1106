"""What files gave, as messages of plain numbers and text, and back: the way out of the child."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from marrowlight.study.grid import Grid
from marrowlight.study.maskfile import MaskFile
from marrowlight.study.parsed import Found, NiftiImage, Sidecar, Skipped, Slice, Tags

Message: TypeAlias = tuple[dict[str, Any], list[NDArray[Any]]]
"""A JSON object, and arrays."""


def pack(found: Sequence[Found]) -> Message:
    """What one file gave, as one message."""
    arrays: list[NDArray[Any]] = []
    parts: list[list[Any]] = []
    for one in found:
        if isinstance(one, Slice):
            arrays.append(one.pixels)
            parts.append(["slice", one.file, one.slope, one.intercept, one.position,
                          one.orientation, one.spacing, one.tags])  # fmt: skip
        elif isinstance(one, NiftiImage):
            arrays.append(one.voxels)
            forms = [None if f is None else f.tolist() for f in (one.sform, one.qform)]
            parts.append(["image", one.file, one.slope, one.intercept, *forms, one.pixdim])
        elif isinstance(one, Sidecar):
            parts.append(["sidecar", one.stem, one.tags])
        else:
            parts.append(["skipped", asdict(one)])
    return {"file": parts}, arrays


def unpack(message: Message) -> list[Found]:
    """What ``pack`` made a message of. Raises ValueError, TypeError or LookupError on another."""
    told, arrays = message
    left = iter(arrays)
    return [_part(kind, values, left) for kind, *values in told["file"]]


def _part(kind: str, values: list[Any], arrays: Any) -> Found:
    if kind == "slice":
        file, slope, intercept, position, orientation, spacing, tags = values
        return Slice(
            str(file), _ranked(next(arrays), 2), float(slope), float(intercept),
            _floats(position), _floats(orientation), _floats(spacing), _tags(tags),
        )  # fmt: skip
    if kind == "image":
        file, slope, intercept, sform, qform, pixdim = values
        return NiftiImage(
            str(file), _ranked(next(arrays), 3, 4), float(slope), float(intercept),
            _form(sform), _form(qform), _floats(pixdim),
        )  # fmt: skip
    if kind == "sidecar":
        return Sidecar(str(values[0]), _tags(values[1]))
    said = values[0]
    return Skipped(str(said["file"]), str(said["reason"]), str(said["fault"]),
                   bool(said["explicit"]), _tags(said["tags"]))  # fmt: skip


def pack_mask(mask: MaskFile) -> Message:
    """A mask as one message."""
    return {"affine": mask.grid.affine.tolist(), "names": mask.segment_names}, [mask.labels]


def unpack_mask(message: Message) -> MaskFile:
    """What ``pack_mask`` made a message of. Raises ValueError, TypeError or LookupError."""
    told, (labels,) = message
    shape = _ranked(labels, 3).shape
    affine = _form(told["affine"])
    if affine is None or labels.dtype != np.uint16:
        raise ValueError(labels.dtype)
    names = {int(label): str(name) for label, name in told["names"].items()}
    return MaskFile(labels, Grid((shape[0], shape[1], shape[2]), affine), names)


def _ranked(array: NDArray[Any], *ranks: int) -> NDArray[Any]:
    if array.ndim not in ranks:
        raise ValueError(array.shape)
    return array


def _floats(values: Sequence[Any]) -> tuple[float, ...]:
    return tuple(float(v) for v in values)


def _tags(values: Any) -> Tags:
    return {str(k): v if isinstance(v, str) else float(v) for k, v in values.items()}


def _form(rows: Any) -> NDArray[np.float64] | None:
    if rows is None:
        return None
    form = np.array(rows, dtype=np.float64)
    if form.shape != (4, 4):
        raise ValueError(form.shape)
    return form
