"""One DICOM SEG file to a mask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowlight.errors import BadMask, GeometryError, InputError, LimitExceeded, UnreadableFile
from marrowlight.study.dicom_file import check_frames, dataset_of
from marrowlight.study.dicom_tags import first_item, floats
from marrowlight.study.grid import Grid
from marrowlight.study.lattice import plane_in
from marrowlight.study.limits import MIB, Limits
from marrowlight.study.maskfile import MOST_LABEL, MaskFile
from marrowlight.study.quiet import dicom_faults, quiet_parsers
from marrowlight.study.shown import clean
from marrowlight.study.slices import RAS_OF_LPS, affine_of, directions

SEG, LABELMAP_SEG = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"

HALF = 0.5
"""Share of a fractional segmentation from which a voxel belongs to its segment."""


class _Frame:
    """One frame: where it lies (LPS), and to which segment it belongs (0: values are labels)."""

    def __init__(self, dataset: Any, shared: Any, group: Any) -> None:
        def value(macro: str, keyword: str) -> tuple[float, ...]:
            for place in (first_item(group, macro), first_item(shared, macro)):
                if place is not None and (found := floats(place.get(keyword))):
                    return found
            return ()

        self.position = np.array(value("PlanePositionSequence", "ImagePositionPatient"))
        self.orientation = value("PlaneOrientationSequence", "ImageOrientationPatient")
        self.spacing = value("PixelMeasuresSequence", "PixelSpacing")
        between = value("PixelMeasuresSequence", "SpacingBetweenSlices")
        thick = value("PixelMeasuresSequence", "SliceThickness")
        self.between = (between or thick or (0.0,))[0]
        segment = value("SegmentIdentificationSequence", "ReferencedSegmentNumber")
        self.segment = int(segment[0]) if segment else 0
        if self.position.size != 3 or len(self.orientation) != 6 or len(self.spacing) != 2:
            raise GeometryError("has frames that do not say where they lie")


def read_seg(data: bytes, like: Sequence[Grid], limits: Limits) -> MaskFile:
    """Decode one DICOM SEG (binary, fractional from 0.5 on, or label map).

    Frames are placed by their plane positions; frames left out because they are empty are empty.
    With ``like``, the mask is placed on the first grid that holds every one of its pixels.

    Raises UnreadableFile, LimitExceeded, BadMask or GeometryError.
    """
    with quiet_parsers():
        try:
            dataset = dataset_of(data, limits)
            if str(dataset.get("SOPClassUID", "")) not in (SEG, LABELMAP_SEG):
                raise UnreadableFile(
                    f"is DICOM, but no segmentation ({clean(str(dataset.get('Modality', '')))})"
                )
            frames, pixels = _frames(dataset, len(data), limits)
            names = {
                int(s.SegmentNumber): clean(str(s.get("SegmentLabel", "")))
                for s in dataset.SegmentSequence
            }
        except InputError:
            raise
        except (RecursionError, MemoryError) as error:
            what = "nested too deeply" if isinstance(error, RecursionError) else "too large"
            raise LimitExceeded(f"is {what} to be read") from error
        except dicom_faults() as error:
            raise UnreadableFile(f"cannot be read as DICOM SEG ({type(error).__name__})") from error
    for grid in like:
        if (placed := _place_all(frames, pixels, grid)) is not None:
            return MaskFile(placed, grid, names)
    own = _own_grid(frames, pixels, limits)
    placed = _place_all(frames, pixels, own)
    if placed is None:
        raise GeometryError(
            "has frames that do not lie on one even grid",
            expected="parallel planes at even distances",
            do="export it on the grid of its source image",
        )
    return MaskFile(placed, own, names)


def _frames(dataset: Any, size: int, limits: Limits) -> tuple[list[_Frame], NDArray[np.uint16]]:
    """Frames and their (frames, rows, columns) values: labels, or 0 and 1."""
    count = int(dataset.get("NumberOfFrames") or 1)
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    bits = int(dataset.BitsAllocated)
    voxels = rows * columns * count
    if voxels * 2 > limits.image_bytes or voxels < 1:
        raise LimitExceeded(
            f"declares {rows}x{columns} pixels in {count} frames ({voxels * 2 / MIB:.0f} MiB); "
            f"the limit is {limits.image_bytes / MIB:.0f} MiB"
        )
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated and len(dataset.PixelData) * 8 < voxels * bits:
        raise UnreadableFile("is cut off: not all of its pixels are there")
    groups = dataset.PerFrameFunctionalGroupsSequence
    if len(groups) != count:
        raise UnreadableFile(f"declares {count} frames and describes {len(groups)}")
    if syntax.is_encapsulated:
        check_frames(dataset, rows, columns, count)
    shared = first_item(dataset, "SharedFunctionalGroupsSequence")
    frames = [_Frame(dataset, shared, group) for group in groups]
    stored = dataset.pixel_array.reshape(count, rows, columns)
    kind = str(dataset.get("SegmentationType", "BINARY"))
    if kind == "FRACTIONAL":
        most = float(dataset.get("MaximumFractionalValue") or 255)
        return frames, (stored >= HALF * most).astype(np.uint16)
    if kind == "LABELMAP":
        for frame in frames:
            frame.segment = 0
        return frames, stored.astype(np.uint16)
    if any(not 1 <= frame.segment <= MOST_LABEL for frame in frames):
        raise UnreadableFile("has frames that do not say to which segment they belong")
    return frames, (stored > 0).astype(np.uint16)


def _place_all(
    frames: Sequence[_Frame], pixels: NDArray[np.uint16], grid: Grid
) -> NDArray[np.uint16] | None:
    """(I, J, K) labels on a grid, or None if a pixel is off it; raises BadMask on overlap."""
    out = np.zeros(grid.shape, np.uint16)
    rows, columns = pixels.shape[1:]
    turn = RAS_OF_LPS[:3, :3]
    for frame, picture in zip(frames, pixels, strict=True):
        axes = directions(frame.orientation)
        index = plane_in(
            grid, turn @ frame.position, turn @ axes[0] * frame.spacing[1],
            turn @ axes[1] * frame.spacing[0], (columns, rows),
        )  # fmt: skip
        if index is None:
            return None
        labels = (picture.T * max(frame.segment, 1)).astype(np.uint16)
        old = out[index]
        if ((old > 0) & (labels > 0) & (old != labels)).any():
            raise BadMask(
                "has segments that overlap",
                expected="at most one segment in each voxel",
                do="remove the overlap, or give one file per mask",
            )
        out[index] = np.maximum(old, labels)
    return out


def _own_grid(frames: Sequence[_Frame], pixels: NDArray[np.uint16], limits: Limits) -> Grid:
    """The smallest even grid that holds all frames."""
    first = frames[0]
    normal = directions(first.orientation)[2]
    along = np.array([frame.position @ normal for frame in frames])
    levels = np.unique(np.round(along, 3))
    gaps = np.diff(levels)
    step = first.between
    if gaps.size and (step <= 0 or abs(np.rint(gaps / step) * step - gaps).max() > 0.1):
        step = float(gaps.min())
    start = frames[int(along.argmin())].position
    count = round((levels[-1] - levels[0]) / step) + 1 if step > 0 else 1
    if count > pixels.shape[0] * 64 + 4096:
        raise GeometryError(f"has frames {levels[-1] - levels[0]:.0f} mm apart")
    if count * pixels[0].nbytes > limits.image_bytes:
        raise LimitExceeded(f"has frames so far apart that {count} of them would fill the space")
    end = frames[int(along.argmax())].position
    positions = start + np.linspace(0, 1, max(count, 1))[:, None] * (end - start)
    affine, _ = affine_of(positions, first.orientation, first.spacing, step or 1.0)
    return Grid((pixels.shape[2], pixels.shape[1], max(count, 1)), affine)
