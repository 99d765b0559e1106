"""One DICOM file to plain slices. The only place where pydicom meets an image."""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowlight.errors import InputError, LimitExceeded, UnreadableFile
from marrowlight.study.codestream import declared_size
from marrowlight.study.dicom_tags import first_item, floats, frame_tags, header_tags
from marrowlight.study.limits import MIB, RATIO_FROM, Limits
from marrowlight.study.nesting import check_nesting
from marrowlight.study.parsed import Skipped, Slice, Tags
from marrowlight.study.quiet import dicom_faults, quiet_parsers

MR_IMAGES = {
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.4.1": "enhanced MR",
    "1.2.840.10008.5.1.4.1.1.4.4": "legacy converted enhanced MR",
}
NOT_IMAGES = {
    "1.2.840.10008.5.1.4.1.1.7": "secondary capture (a screenshot)",
    "1.2.840.10008.5.1.4.1.1.66.4": "a mask (DICOM SEG)",
    "1.2.840.10008.5.1.4.1.1.66.7": "a mask (DICOM label map SEG)",
    "1.2.840.10008.5.1.4.1.1.88": "a structured report",
    "1.2.840.10008.5.1.4.1.1.11": "a presentation state",
    "1.2.840.10008.5.1.4.1.1.104": "an encapsulated document",
    "1.2.840.10008.5.1.4.1.1.66": "raw data",
    "1.2.840.10008.5.1.4.1.1.4.2": "MR spectroscopy",
    "1.2.840.10008.5.1.4.1.1.4.3": "enhanced MR colour (a derived map)",
    "1.2.840.10008.5.1.4.1.1.30": "a parametric map",
    "1.2.840.10008.1.3.10": "a DICOMDIR index",
}
"""SOP class, or the beginning of one, to what it is; the longest match counts."""

DEFLATED, BIG_ENDIAN = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"

PIXEL_DATA = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def read_dicom(name: str, data: bytes, limits: Limits) -> list[Slice] | Skipped:
    """Decode one DICOM file.

    Parameters
    ----------
    name : path for messages
    data : all bytes of the file
    limits : Limits

    Returns
    -------
    list of Slice, or Skipped with the reason: it is no MR image, or (with ``fault`` set to the name
    of an error) it is truncated, no DICOM, cannot be decoded, or asks for more than allowed.
    """
    tags: Tags = {}
    with quiet_parsers():
        try:
            dataset = dataset_of(data, limits)
            if "SOPClassUID" not in dataset and data[128:132] != b"DICM":
                return Skipped(name, "no image (unknown kind)")
            tags = header_tags(dataset)
            if reason := no_image(tags):
                return Skipped(name, reason, tags=tags)
            return _slices(name, dataset, tags, limits)
        except InputError as error:
            return _damaged(name, error, tags)
        except (RecursionError, MemoryError) as error:
            what = "nested too deeply" if isinstance(error, RecursionError) else "too large"
            return _damaged(name, LimitExceeded(f"is {what} to be read"), tags)
        except dicom_faults() as error:
            return _damaged(
                name, UnreadableFile(f"cannot be read as DICOM ({type(error).__name__})"), tags
            )


def _damaged(name: str, error: InputError, tags: Tags) -> Skipped:
    return Skipped(name, error.found, type(error).__name__, tags=tags)


def dataset_of(data: bytes, limits: Limits) -> Any:
    """The pydicom data set of a file, its elements unread yet; within the limits.

    Raises LimitExceeded for what unpacks to too much, nests too deeply or holds too many elements,
    UnreadableFile if it is no DICOM object, and what pydicom raises on damaged input.
    """
    from pydicom import dcmread

    preamble = data[128:132] == b"DICM"
    syntax, start = _file_meta(data, 132 if preamble else 0)
    if syntax == DEFLATED:
        check_nesting(_inflated(data[start:], limits), 0, limits)
    else:
        big = syntax == BIG_ENDIAN or (not syntax and data[start : start + 1] == b"\0")
        check_nesting(data, start, limits, little=not big)
    dataset = dcmread(BytesIO(data), force=not preamble)
    if "SOPClassUID" not in dataset and (kind := _kind_by_meta(dataset)):
        dataset.SOPClassUID = kind  # A DICOMDIR says only in its file header what it is.
    if "SOPClassUID" not in dataset and preamble:
        raise UnreadableFile("is cut off, or no DICOM object: it does not say what it is")
    return dataset


def _kind_by_meta(dataset: Any) -> str:
    return str(dataset.file_meta.get("MediaStorageSOPClassUID", ""))


def _file_meta(data: bytes, at: int) -> tuple[str, int]:
    """Transfer syntax by the file header that begins ``at`` a byte, and where the data begin."""
    syntax = ""
    while data[at : at + 2] == b"\x02\x00" and len(data) >= at + 12:
        # Group 0002 is always explicit little endian; OB and UN have a longer header.
        if data[at + 4 : at + 6] in (b"OB", b"UN"):
            begin, size = at + 12, int.from_bytes(data[at + 8 : at + 12], "little")
        else:
            begin, size = at + 8, int.from_bytes(data[at + 6 : at + 8], "little")
        if data[at + 2 : at + 4] == b"\x10\x00":
            syntax = data[begin : begin + size].rstrip(b"\0 ").decode("ascii", "replace")
        at = begin + size
    return syntax, at


def _inflated(packed: bytes, limits: Limits) -> bytes:
    """What a deflated data set unpacks to, up to the limit; pydicom unpacks all, whatever it is."""
    most = min(limits.image_bytes, max(RATIO_FROM, int(limits.archive_ratio * len(packed))))
    found = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most + 1)
    if len(found) > most:
        raise LimitExceeded(f"unpacks to more than {most / MIB:.0f} MiB")
    return found


def no_image(tags: Tags) -> str:
    """Why this is no MR image, or empty."""
    sop_class = str(tags.get("SOPClassUID", ""))
    for uid in sorted(NOT_IMAGES, key=len, reverse=True):
        if sop_class == uid or sop_class.startswith(uid + "."):
            return NOT_IMAGES[uid]
    if sop_class not in MR_IMAGES:
        return f"no MR image ({tags.get('Modality') or 'unknown kind of object'})"
    if not str(tags.get("PhotometricInterpretation", "MONOCHROME2")).startswith("MONOCHROME"):
        return "a colour picture (a screenshot or a map)"
    return ""


def _slices(name: str, dataset: Any, tags: Tags, limits: Limits) -> list[Slice]:
    enhanced = "PerFrameFunctionalGroupsSequence" in dataset
    count = int(dataset.get("NumberOfFrames") or 1)
    inverted = str(tags.get("PhotometricInterpretation", "")) == "MONOCHROME1"
    shared = first_item(dataset, "SharedFunctionalGroupsSequence")
    if count > 1 and not enhanced:
        raise UnreadableFile("holds several frames and no position for each")
    groups = dataset.PerFrameFunctionalGroupsSequence if enhanced else [None]
    if len(groups) < count:
        raise UnreadableFile(f"declares {count} frames and describes {len(groups)}")
    pixels = _pixels(dataset, count, limits)
    slices = []
    for index in range(count):
        group = groups[index]
        own = frame_tags(tags, shared, group) if enhanced else tags
        if enhanced:
            own["FrameNumber"] = float(index + 1)
        place = [_macro(dataset, shared, group, *where) for where in _PLACES]
        position, orientation, spacing, slope, intercept = place
        if len(position) != 3 or len(orientation) != 6 or len(spacing) < 2:
            raise UnreadableFile("does not say where its pixels are (no position or spacing)")
        if min(spacing) <= 0:
            raise UnreadableFile(f"has a pixel spacing of {min(spacing):g} mm")
        scale = slope[0] if slope and slope[0] != 0 else 1.0
        one = Slice(
            file=name,
            pixels=pixels[index],
            slope=-scale if inverted else scale,
            intercept=intercept[0] if intercept else 0.0,
            position=position,
            orientation=orientation,
            spacing=spacing[:2],
            tags=own,
        )
        slices.append(one)
    return slices


_PLACES = (
    ("PlanePositionSequence", "ImagePositionPatient"),
    ("PlaneOrientationSequence", "ImageOrientationPatient"),
    ("PixelMeasuresSequence", "PixelSpacing"),
    ("PixelValueTransformationSequence", "RescaleSlope"),
    ("PixelValueTransformationSequence", "RescaleIntercept"),
)


def _macro(dataset: Any, shared: Any, frame: Any, macro: str, keyword: str) -> tuple[float, ...]:
    """A value from the frame's groups, else the shared ones, else the top level."""
    for group in (first_item(frame, macro), first_item(shared, macro), dataset):
        if group is not None and (found := floats(group.get(keyword))):
            return found
    return ()


def _pixels(dataset: Any, count: int, limits: Limits) -> NDArray[Any]:
    """(frames, rows, columns) as stored; sizes are checked before anything is decoded."""
    rows, columns = int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)
    bits = int(dataset.get("BitsAllocated") or 16)
    if rows < 1 or columns < 1 or count < 1:
        raise UnreadableFile(f"declares an image of {rows}x{columns} pixels, {count} frames")
    expected = rows * columns * count * max(bits // 8, 1)
    if expected > limits.image_bytes:
        raise LimitExceeded(
            f"declares {rows}x{columns} pixels in {count} frames ({expected / MIB:.0f} MiB); "
            f"the limit is {limits.image_bytes / MIB:.0f} MiB"
        )
    if (samples := int(dataset.get("SamplesPerPixel") or 1)) != 1:
        raise UnreadableFile(f"holds {samples} values for each pixel; 1 is expected")
    data = next((dataset[key].value for key in PIXEL_DATA if key in dataset), None)
    if not data:
        raise UnreadableFile("is cut off: it holds no pixels")
    if dataset.file_meta.get("TransferSyntaxUID") is None:
        # Written without a file header: implicit little endian is what the standard falls back to.
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
    if not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        if len(data) < expected:
            raise UnreadableFile(f"is cut off: {len(data)} of {expected} bytes of pixels are there")
    else:
        check_frames(dataset, rows, columns, count)
    try:
        decoded: NDArray[Any] = dataset.pixel_array
    except (RecursionError, MemoryError):
        raise
    except dicom_faults() as error:
        raise UnreadableFile(
            f"has pixels that cannot be decoded ({dataset.file_meta.TransferSyntaxUID.name})"
        ) from error
    if decoded.size != count * rows * columns:
        raise UnreadableFile(f"decodes to {decoded.shape}, not {count}x{rows}x{columns} pixels")
    return np.array(decoded.reshape(count, rows, columns))


def check_frames(dataset: Any, rows: int, columns: int, count: int) -> None:
    """Every compressed frame must say of itself what the DICOM header says of it.

    Raises UnreadableFile before a decoder takes memory for something else.
    """
    from pydicom.encaps import generate_frames
    from pydicom.uid import RLELossless

    # Where the decoder will look for the frames.
    keys = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")
    table = tuple(dataset.get(key) for key in keys) if all(k in dataset for k in keys) else None
    frames = generate_frames(dataset.PixelData, number_of_frames=count, extended_offsets=table)
    raw = rows * columns * max(int(dataset.get("BitsAllocated") or 16) // 8, 1)
    unsized = dataset.file_meta.TransferSyntaxUID == RLELossless
    for number, stream in enumerate(frames, start=1):
        if len(stream) > 2 * raw + MIB:
            raise UnreadableFile(
                f"has corrupt pixels: frame {number} takes {len(stream)} bytes, unpacked {raw}"
            )
        size = declared_size(stream)
        if size == (rows, columns, 1) or (size is None and unsized):
            continue
        said = "nothing of its size" if size is None else f"{size[0]}x{size[1]}"
        if size is not None and size[2] != 1:
            said += f" with {size[2]} values each"
        raise UnreadableFile(
            f"has corrupt pixels: frame {number} says {said}, the header {rows}x{columns}"
        )
