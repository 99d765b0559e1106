"""One NRRD file to a mask, with the segment names of 3D Slicer."""

from __future__ import annotations

import bz2
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowlight.errors import BadMask, GeometryError, LimitExceeded, UnreadableFile
from marrowlight.study.grid import Grid
from marrowlight.study.limits import MIB, Limits
from marrowlight.study.maskfile import MaskFile, whole_labels
from marrowlight.study.quiet import PARSER_FAULTS, quiet_parsers
from marrowlight.study.shown import clean

MOST_SEGMENTS = 1024
"""Segments of one file; each is looked for in all voxels."""

RAS_SIGNS = {
    "left-posterior-superior": (-1.0, -1.0, 1.0), "lps": (-1.0, -1.0, 1.0),
    "right-anterior-superior": (1.0, 1.0, 1.0), "ras": (1.0, 1.0, 1.0),
    "left-anterior-superior": (-1.0, 1.0, 1.0), "las": (-1.0, 1.0, 1.0),
}  # fmt: skip
"""Space of the file to the signs that turn it to RAS+."""

TYPES = {
    "uchar": "u1", "unsigned char": "u1", "uint8": "u1", "uint8_t": "u1",
    "signed char": "i1", "int8": "i1", "int8_t": "i1",
    "short": "i2", "int16": "i2", "int16_t": "i2", "signed short": "i2", "short int": "i2",
    "ushort": "u2", "uint16": "u2", "uint16_t": "u2", "unsigned short": "u2",
    "int": "i4", "int32": "i4", "int32_t": "i4", "signed int": "i4",
    "uint": "u4", "uint32": "u4", "uint32_t": "u4", "unsigned int": "u4",
    "longlong": "i8", "int64": "i8", "int64_t": "i8", "long long": "i8",
    "ulonglong": "u8", "uint64": "u8", "uint64_t": "u8",
    "float": "f4", "double": "f8",
}  # fmt: skip


def read_nrrd(data: bytes, limits: Limits) -> MaskFile:
    """Decode one NRRD file with its data inside.

    Raises UnreadableFile, LimitExceeded, BadMask or GeometryError.
    """
    try:
        return _read(data, limits)
    except PARSER_FAULTS as error:  # A header holds anything where a number should be.
        raise UnreadableFile(f"has a damaged NRRD header ({type(error).__name__})") from error


def _read(data: bytes, limits: Limits) -> MaskFile:
    stream = BytesIO(data)
    header = _header(stream)
    if "data file" in header or "datafile" in header:
        # A header may name any path on the machine: it is not followed.
        raise UnreadableFile("keeps its voxels in another file, which is not followed")
    if any(
        int(header.get(f"{what}{gap}skip", 0)) for what in ("line", "byte") for gap in ("", " ")
    ):
        raise UnreadableFile("keeps its voxels behind others (line skip, byte skip)")
    sizes = [int(n) for n in np.atleast_1d(header.get("sizes", []))]
    kind = TYPES.get(str(header.get("type", "")).lower())
    if kind is None:
        raise UnreadableFile(f"holds voxels of type {clean(str(header.get('type')))}")
    if len(sizes) not in (3, 4) or min(sizes) < 1:
        raise BadMask(f"has the sizes {sizes}", expected="a label map in three dimensions")
    big = str(header.get("endian", "little")) == "big"
    dtype = np.dtype(kind).newbyteorder(">" if big else "<")
    wanted = int(np.prod(sizes, dtype=object)) * dtype.itemsize
    if wanted > limits.image_bytes:
        raise LimitExceeded(
            f"declares {'x'.join(map(str, sizes))} voxels ({wanted / MIB:.0f} MiB); the limit is "
            f"{limits.image_bytes / MIB:.0f} MiB"
        )
    raw = _unpack(stream.read(), str(header.get("encoding", "raw")).lower(), wanted)
    if len(raw) < wanted:
        raise UnreadableFile(f"is cut off: {len(raw)} of {wanted} bytes of voxels are there")
    stored = np.frombuffer(raw, dtype, count=wanted // dtype.itemsize).reshape(sizes, order="F")
    affine, list_axis = _affine(header, len(sizes))
    if stored.ndim == 4:
        layers = np.moveaxis(stored, 0 if list_axis is None else list_axis, 0)
    else:
        layers = stored[None]
    labels, names = _flatten(layers, header)
    shape = (labels.shape[0], labels.shape[1], labels.shape[2])
    return MaskFile(labels, Grid(shape, affine), names)


def _header(stream: BytesIO) -> dict[str, Any]:
    import nrrd

    try:
        with quiet_parsers():
            header: dict[str, Any] = dict(nrrd.read_header(stream))
    except (*PARSER_FAULTS, nrrd.NRRDError) as error:
        raise UnreadableFile(f"has a damaged NRRD header ({type(error).__name__})") from error
    return header


def _unpack(packed: bytes, encoding: str, wanted: int) -> bytes:
    """The voxels, never more bytes than wanted."""
    try:
        if encoding == "raw":
            return packed[:wanted]
        if encoding in ("gzip", "gz"):
            return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(packed, wanted)
        if encoding in ("bzip2", "bz2"):
            return bz2.BZ2Decompressor().decompress(packed, wanted)
    except (zlib.error, OSError, EOFError) as error:
        raise UnreadableFile(f"has damaged voxels ({type(error).__name__})") from error
    raise UnreadableFile(
        f"has the encoding {clean(encoding)}", expected="raw, gzip or bzip2", do="save it again"
    )


def _affine(header: dict[str, Any], dimensions: int) -> tuple[NDArray[np.float64], int | None]:
    """(4, 4) voxel to RAS+ mm, and the axis of a 4-D file that is no space."""
    signs = RAS_SIGNS.get(str(header.get("space", "")).lower())
    rows = header.get("space directions")
    origin = header.get("space origin")
    if signs is None or rows is None or origin is None:
        raise GeometryError(
            "does not say where its voxels are (space, space directions, space origin)",
            expected="an NRRD file saved with its geometry",
            do="export it from 3D Slicer, or give NIfTI",
        )
    vectors = [None if r is None or np.isnan(r).any() else np.asarray(r, float) for r in rows]
    space = [n for n, v in enumerate(vectors) if v is not None]
    if len(space) != 3 or len(vectors) != dimensions:
        raise GeometryError(f"has {len(space)} directions in space; 3 are expected")
    affine = np.eye(4)
    for column, axis in enumerate(space):
        affine[:3, column] = np.asarray(vectors[axis]) * signs
    affine[:3, 3] = np.asarray(origin, float) * signs
    other = next((n for n, v in enumerate(vectors) if v is None), None)
    return affine, other


def _flatten(
    layers: NDArray[Any], header: dict[str, Any]
) -> tuple[NDArray[np.uint16], dict[int, str]]:
    """Layers of a Slicer segmentation to one label map; raises BadMask if segments overlap."""
    segments = []
    number = 0
    while f"Segment{number}_ID" in header or f"Segment{number}_Name" in header:
        name = clean(str(header.get(f"Segment{number}_Name", f"segment {number + 1}")))
        if number >= MOST_SEGMENTS:
            raise LimitExceeded(f"holds more than {MOST_SEGMENTS} segments")
        value = int(header.get(f"Segment{number}_LabelValue", number + 1))
        layer = int(header.get(f"Segment{number}_Layer", 0))
        segments.append((name, value, layer))
        number += 1
    if len(layers) == 1:
        names = {value: name for name, value, _ in segments}
        return whole_labels(layers[0]), names
    if not segments:
        raise BadMask(f"holds {len(layers)} volumes and no segment names", expected="one label map")
    values = [value for _, value, _ in segments]
    unique = len(set(values)) == len(values)
    out = np.zeros(layers.shape[1:], np.uint16)
    names = {}
    for position, (name, value, layer) in enumerate(segments, start=1):
        if not 0 <= layer < len(layers):
            raise UnreadableFile(f"puts a segment on layer {layer} of {len(layers)}")
        here = layers[layer] == value
        if (out[here] > 0).any():
            raise BadMask(
                f"has segments that overlap ({name} and another)",
                expected="at most one segment in each voxel",
                do="remove the overlap (3D Slicer: Masking, overwrite other segments)",
            )
        label = value if unique else position
        out[here] = label
        names[label] = name
    return out, names
