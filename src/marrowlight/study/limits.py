"""Limits on what a file may ask for, checked before memory is taken."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024
GIB = 1024 * MIB

RATIO_FROM = 16 * MIB
"""What unpacks to less than this is not checked for its ratio. Bytes."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much untrusted input may cost.

    Parameters
    ----------
    files : int
        Files and archive members looked at in one call.
    file_bytes : int
        Size of one file, packed or unpacked. Bytes.
    image_bytes : int
        Decoded size that one file may declare (rows x columns x frames, or NIfTI dimensions).
        Bytes.
    total_bytes : int
        Decoded size of everything in one call. Bytes.
    archive_ratio : float
        Unpacked over packed size of an archive member, or of a deflated DICOM file, that unpacks to
        more than 16 MiB; deflate reaches 1032 on zeros, images stay below 20.
    depth : int
        Sequences inside one another in a DICOM file. Images need 5, structured reports about 15.
    elements : int
        Elements and items in one DICOM file. An enhanced image needs about 150 for a frame.
    memory_bytes : int
        Address space of the child process, where there is one (on Linux). Bytes.
    seconds : float
        Wall time of the child process. s.
    """

    files: int = 50_000
    file_bytes: int = 2 * GIB
    image_bytes: int = 2 * GIB
    total_bytes: int = 4 * GIB
    archive_ratio: float = 200.0
    depth: int = 32
    elements: int = 1_000_000
    memory_bytes: int = 8 * GIB
    seconds: float = 300.0
