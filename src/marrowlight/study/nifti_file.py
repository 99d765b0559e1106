"""One NIfTI file to plain voxels. The only place where nibabel is used."""

from __future__ import annotations

import gzip
import json
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowlight.errors import LimitExceeded, UnreadableFile
from marrowlight.study.dicom_tags import floats
from marrowlight.study.limits import MIB, Limits
from marrowlight.study.parsed import NiftiImage, Tags
from marrowlight.study.quiet import PARSER_FAULTS, quiet_parsers
from marrowlight.study.shown import clean

NIFTI1_BYTES, NIFTI2_BYTES = 348, 540
SIDECAR_BYTES = MIB
"""A BIDS sidecar larger than this is not read. Bytes."""

MM_PER_UNIT = {1: 1000.0, 3: 0.001}
"""xyzt_units to mm: 1 metre, 3 micrometre; 2 and 0 are taken as mm."""


def read_nifti(name: str, data: bytes, limits: Limits) -> NiftiImage:
    """Decode one NIfTI-1 or NIfTI-2 file, packed by gzip or not.

    The header is read first; only the bytes that it declares are unpacked, and only after they
    passed the limits, so that an archive bomb is never unpacked.

    Raises UnreadableFile (truncated, damaged, colour) or LimitExceeded.
    """
    stream = gzip.GzipFile(fileobj=BytesIO(data)) if data[:2] == b"\x1f\x8b" else BytesIO(data)
    with quiet_parsers():
        try:
            return _read(name, stream, limits)
        except PARSER_FAULTS as error:
            raise UnreadableFile(f"is cut off or damaged ({type(error).__name__})") from error


def _read(name: str, stream: gzip.GzipFile | BytesIO, limits: Limits) -> NiftiImage:
    header = _header(stream.read(NIFTI2_BYTES))
    shape = _shape(header)
    dtype = header.get_data_dtype()
    if dtype.fields is not None or dtype.kind not in "iuf":
        raise UnreadableFile(f"holds {dtype} voxels; numbers are expected (colour or complex?)")
    wanted = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if wanted > limits.image_bytes:
        raise LimitExceeded(
            f"declares {'x'.join(map(str, shape))} voxels ({wanted / MIB:.0f} MiB); the limit "
            f"is {limits.image_bytes / MIB:.0f} MiB"
        )
    offset = int(header["vox_offset"])
    if not 0 <= offset <= MIB * 16:
        raise UnreadableFile(f"says that its voxels begin at byte {offset}")
    stream.seek(max(offset, int(header["sizeof_hdr"])))
    voxels = stream.read(wanted)
    if len(voxels) < wanted:
        raise UnreadableFile(f"is cut off: {len(voxels)} of {wanted} bytes of voxels are there")
    array = np.frombuffer(voxels, dtype).reshape(shape, order="F")
    slope, intercept = _scaling(header)
    mm = MM_PER_UNIT.get(int(header["xyzt_units"]) & 7, 1.0)
    scale = np.diag([mm, mm, mm, 1.0])
    sform = header.get_sform(coded=True)[0]
    qform = header.get_qform(coded=True)[0]
    return NiftiImage(
        name, array, slope, intercept,
        None if sform is None else scale @ np.asarray(sform, float),
        None if qform is None else scale @ np.asarray(qform, float),
        tuple(float(abs(p)) * mm for p in header["pixdim"][1:4]),
    )  # fmt: skip


def read_sidecar(data: bytes) -> Tags:
    """A BIDS sidecar, with times in ms and only plain values; empty if it is not one."""
    if len(data) > SIDECAR_BYTES:
        return {}
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):  # Whole numbers of thousands of digits are a ValueError.
        return {}
    if not isinstance(found, dict):
        return {}
    tags: Tags = {}
    for key, value in found.items():
        if isinstance(value, bool) or not isinstance(key, str):
            continue
        if isinstance(value, int | float):
            seconds = key in ("EchoTime", "RepetitionTime", "InversionTime")
            if numbers := floats([value]):
                tags[key] = numbers[0] * (1000.0 if seconds else 1.0)
        elif isinstance(value, str):
            tags[key] = clean(value)
        elif isinstance(value, list) and all(isinstance(v, str) for v in value):
            tags[key] = clean("\\".join(value))
    return tags


def is_nifti(head: bytes) -> bool:
    """Whether these first bytes are of an unpacked NIfTI file (single file, not a pair)."""
    return head[344:348] == b"n+1\0" or head[4:12] == b"n+2\0\r\n\x1a\n"


def unpacked_head(head: bytes) -> bytes:
    """The first bytes inside a gzip stream; empty if it is none."""
    try:
        return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(head, NIFTI2_BYTES)
    except zlib.error:
        return b""


def _header(block: bytes) -> Any:
    import nibabel
    from nibabel.spatialimages import HeaderDataError
    from nibabel.wrapstruct import WrapStructError

    if not is_nifti(block):
        raise UnreadableFile("is no NIfTI file: its header does not say n+1 or n+2")
    two = block[4:7] == b"n+2"
    kind = nibabel.Nifti2Header if two else nibabel.Nifti1Header
    try:
        return kind(block[: NIFTI2_BYTES if two else NIFTI1_BYTES])
    except (HeaderDataError, WrapStructError, ValueError) as error:
        raise UnreadableFile(f"has a damaged NIfTI header ({type(error).__name__})") from error


def _shape(header: Any) -> tuple[int, ...]:
    dim = [int(n) for n in header["dim"]]
    if not 1 <= dim[0] <= 7 or min(dim[1 : dim[0] + 1]) < 1:
        raise UnreadableFile(f"declares the dimensions {dim[: max(1, min(dim[0], 7)) + 1]}")
    shape = dim[1 : dim[0] + 1]
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    if not 2 <= len(shape) <= 5:
        raise UnreadableFile(f"has {len(shape)} dimensions; 3 are expected")
    if len(shape) == 5:
        if shape[3] != 1:
            raise UnreadableFile("has 5 dimensions; 3 are expected")
        shape.pop(3)
    return tuple(shape + [1] * (3 - len(shape)))


def _scaling(header: Any) -> tuple[float, float]:
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if not np.isfinite(slope) or slope == 0:
        return 1.0, 0.0
    return slope, intercept if np.isfinite(intercept) else 0.0


def intensities(
    stored: NDArray[Any], slope: float, intercept: float, dtype: type = np.float32
) -> NDArray[Any]:
    """Stored values to intensities."""
    # What overflows becomes infinite, and is told as a defect of the image.
    with np.errstate(over="ignore", invalid="ignore"):
        values: NDArray[Any] = stored.astype(dtype)
        if slope != 1.0:
            values *= dtype(slope)
        if intercept != 0.0:
            values += dtype(intercept)
    return values
