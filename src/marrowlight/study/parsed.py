"""What parsing gives: plain arrays and plain metadata, nothing that holds a file open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Tags: TypeAlias = dict[str, str | float]
"""DICOM keyword (or sidecar key) to text or number; several values are joined by a backslash."""


@dataclass(eq=False)
class Slice:
    """One decoded DICOM frame.

    Parameters
    ----------
    file : str
        Path it came from.
    pixels : (rows, columns) array as stored
    slope, intercept : float
        Stored value to intensity.
    position : 3 floats
        Centre of the first pixel, LPS mm.
    orientation : 6 floats
        Direction along a row (rising column index), then along a column (rising row index), LPS.
    spacing : 2 floats
        Between rows, between columns, mm (the order of DICOM PixelSpacing).
    tags : Tags
    """

    file: str
    pixels: NDArray[Any]
    slope: float
    intercept: float
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing: tuple[float, ...]
    tags: Tags


@dataclass(eq=False)
class NiftiImage:
    """One decoded NIfTI file.

    Parameters
    ----------
    file : str
    voxels : (I, J, K) or (I, J, K, N) array as stored
    slope, intercept : float
    sform, qform : (4, 4) float64 array or None where the file does not set it
        Voxel index to RAS+ mm.
    pixdim : 3 floats, mm
    sidecar : Tags
        The BIDS JSON file beside it, flattened; empty without one.
    """

    file: str
    voxels: NDArray[Any]
    slope: float
    intercept: float
    sform: NDArray[np.float64] | None
    qform: NDArray[np.float64] | None
    pixdim: tuple[float, ...]
    sidecar: Tags = field(default_factory=dict)


@dataclass
class Skipped:
    """A file that gave no image.

    fault : name of an error class of ``errors`` if the file is damaged or too large, else empty
        (it is just not an image).
    explicit : whether the user named this file, rather than a folder that holds it.
    tags : what its header said, if that could be read; says which series lost it.
    """

    file: str
    reason: str
    fault: str = ""
    explicit: bool = False
    tags: Tags = field(default_factory=dict)


@dataclass
class Sidecar:
    """What the BIDS JSON file beside an image says. stem : path without its ending."""

    stem: str
    tags: Tags


Found: TypeAlias = Slice | NiftiImage | Skipped | Sidecar
"""What a file gives."""


@dataclass
class Parsed:
    """Everything that was found in the input."""

    slices: list[Slice] = field(default_factory=list)
    images: list[NiftiImage] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    files: int = 0


def collect(files: Iterable[Sequence[Found]]) -> Parsed:
    """Everything that the files gave, each as a sequence; sidecars go to their images."""
    parsed = Parsed()
    sidecars: dict[str, Tags] = {}
    for found in files:
        parsed.files += 1
        for one in found:
            if isinstance(one, Slice):
                parsed.slices.append(one)
            elif isinstance(one, NiftiImage):
                parsed.images.append(one)
            elif isinstance(one, Skipped):
                parsed.skipped.append(one)
            else:
                sidecars[one.stem] = one.tags
    for image in parsed.images:
        image.sidecar = sidecars.get(stem(image.file), {})
    return parsed


def stem(name: str) -> str:
    """The path of an image or a sidecar without its ending: the same for both."""
    lower = name.lower()
    for ending in (".nii.gz", ".nii", ".json"):
        if lower.endswith(ending):
            return name[: -len(ending)]
    return name
