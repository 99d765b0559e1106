"""Sizes that a compressed picture declares about itself, read before any decoder sees it."""

from __future__ import annotations

JPEG_FRAME_MARKERS = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
"""Start-of-frame markers of JPEG (SOF0-15) and JPEG-LS (SOF55)."""


def declared_size(stream: bytes) -> tuple[int, int, int] | None:
    """(rows, columns, values for each pixel) of a JPEG, JPEG-LS or JPEG 2000 stream, by its header.

    None if it says none.

    The DICOM header can say 512x512 while the stream asks the decoder for gigabytes.
    """
    if stream.startswith(b"\xff\x4f\xff\x51"):
        return _jpeg2000(stream, 4)
    if stream[4:8] == b"jP  ":
        return _jp2(stream)
    if stream.startswith(b"\xff\xd8"):
        return _jpeg(stream)
    return None


def _jp2(stream: bytes) -> tuple[int, int, int] | None:
    """By the first codestream box of a JP2 file; boxes are walked, for their content can be any."""
    at = 0
    while len(stream) >= at + 12:
        length = int.from_bytes(stream[at : at + 4], "big")
        if stream[at + 4 : at + 8] == b"jp2c":
            begins = stream[at + 8 : at + 12] == b"\xff\x4f\xff\x51"
            return _jpeg2000(stream, at + 12) if begins else None
        if length < 8:  # To the end of the file, or longer than 4 GiB.
            return None
        at += length
    return None


def _jpeg2000(stream: bytes, at: int) -> tuple[int, int, int] | None:
    # SIZ: length 2, capabilities 2, then width, height, offset x, offset y and the same of a tile,
    # 4 bytes each, and the number of components, 2 bytes.
    if len(stream) < at + 38:
        return None
    right, bottom, left, top = (
        int.from_bytes(stream[at + 4 + 4 * n : at + 8 + 4 * n], "big") for n in range(4)
    )
    return bottom - top, right - left, int.from_bytes(stream[at + 36 : at + 38], "big")


def _jpeg(stream: bytes) -> tuple[int, int, int] | None:
    at = 2
    while at + 10 <= len(stream):
        if stream[at] != 0xFF:
            return None
        marker = stream[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in JPEG_FRAME_MARKERS:
            rows = int.from_bytes(stream[at + 5 : at + 7], "big")
            columns = int.from_bytes(stream[at + 7 : at + 9], "big")
            return rows, columns, stream[at + 9]
        if marker in (0x01, *range(0xD0, 0xD9)):
            at += 2
            continue
        at += 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    return None
