"""Parsed input to one file of plain numbers and text, and back: the way out of the child process.

No pickle: what comes back from a process that met hostile bytes is never executed.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowlight.study.parsed import NiftiImage, Parsed, Skipped, Slice


def pack(parsed: Parsed, path: Path) -> None:
    """Write to one .npz file: a JSON text, and the arrays."""
    arrays: dict[str, NDArray[Any]] = {}
    slices = []
    for n, one in enumerate(parsed.slices):
        arrays[f"slice{n}"] = one.pixels
        slices.append([one.file, one.slope, one.intercept, one.position, one.orientation,
                       one.spacing, one.tags])  # fmt: skip
    images = []
    for n, image in enumerate(parsed.images):
        arrays[f"image{n}"] = image.voxels
        forms = [None if f is None else f.tolist() for f in (image.sform, image.qform)]
        images.append(
            [image.file, image.slope, image.intercept, *forms, image.pixdim, image.sidecar]
        )
    text = json.dumps(
        {
            "slices": slices,
            "images": images,
            "skipped": [asdict(s) for s in parsed.skipped],
            "files": parsed.files,
        }
    )
    arrays["json"] = np.frombuffer(text.encode(), np.uint8)
    with path.open("wb") as file:
        # The stub takes allow_pickle among the arrays' own names; names here are our own.
        np.savez(file, **arrays)  # type: ignore[arg-type]


def unpack(path: Path) -> Parsed:
    """Read what ``pack`` wrote. Raises ValueError or KeyError if it is anything else."""
    with np.load(path, allow_pickle=False) as stored:
        found = json.loads(stored["json"].tobytes())
        slices = [
            Slice(file, stored[f"slice{n}"], slope, intercept, tuple(position), tuple(orientation),
                  tuple(spacing), tags)
            for n, (file, slope, intercept, position, orientation, spacing, tags)
            in enumerate(found["slices"])
        ]  # fmt: skip
        images = [
            NiftiImage(file, stored[f"image{n}"], slope, intercept, _form(sform), _form(qform),
                       tuple(pixdim), sidecar)
            for n, (file, slope, intercept, sform, qform, pixdim, sidecar)
            in enumerate(found["images"])
        ]  # fmt: skip
    skipped = [Skipped(**s) for s in found["skipped"]]
    return Parsed(slices, images, skipped, int(found["files"]))


def _form(rows: list[list[float]] | None) -> NDArray[np.float64] | None:
    return None if rows is None else np.array(rows, dtype=np.float64)
