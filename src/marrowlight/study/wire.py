"""Messages from the process that reads files: a line of JSON, then the bytes of its arrays.

No pickle: what comes back from a process that met hostile bytes is never executed. No file either:
voxels of a patient go through a pipe and leave nothing on a disk, whoever is killed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import prod
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

LONGEST_LINE = 256 * 1024 * 1024
"""A line holds the kept tags of one file, some kB for each of its frames. Bytes."""

ARRAY_KINDS = "iuf"
"""Kinds of numbers that an array may hold: signed, unsigned, floating."""


class WireError(Exception):
    """What arrived is no message."""


def send(out: IO[bytes], told: dict[str, Any], arrays: Sequence[NDArray[Any]] = ()) -> None:
    """Write one message."""
    columns_first = [a.flags.f_contiguous and not a.flags.c_contiguous for a in arrays]
    forms = [[a.dtype.str, a.shape, f] for a, f in zip(arrays, columns_first, strict=True)]
    out.write(json.dumps({**told, "arrays": forms}).encode() + b"\n")
    for one, f in zip(arrays, columns_first, strict=True):
        flat = (one.T if f else np.ascontiguousarray(one)).reshape(-1)
        out.write(flat.view(np.uint8).data)
    out.flush()


def receive(source: IO[bytes], most_bytes: int) -> tuple[dict[str, Any], list[NDArray[Any]]] | None:
    """Read one message; None at the end.

    Raises WireError if it is none, is cut off, or its arrays take more than ``most_bytes``.
    """
    line = source.readline(LONGEST_LINE)
    if not line:
        return None
    try:
        told = json.loads(line)
        arrays = [_form(*form) for form in told.pop("arrays")]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise WireError from error
    if sum(count * dtype.itemsize for dtype, _, _, count in arrays) > most_bytes:
        raise WireError
    return told, [_array(source, *form) for form in arrays]


def _form(
    dtype: str, shape: Sequence[int], columns_first: bool
) -> tuple[np.dtype[Any], list[int], bool, int]:
    kind = np.dtype(str(dtype))
    sizes = [int(n) for n in shape]
    if kind.kind not in ARRAY_KINDS or len(sizes) > 4 or min(sizes, default=0) < 0:
        raise ValueError(kind)
    return kind, sizes, bool(columns_first), prod(sizes)


def _array(
    source: IO[bytes], dtype: np.dtype[Any], shape: list[int], columns_first: bool, count: int
) -> NDArray[Any]:
    data = np.empty(count, dtype)
    view = data.view(np.uint8).data
    while view:
        taken = source.readinto(view)  # type: ignore[attr-defined]
        if not taken:
            raise WireError
        view = view[taken:]
    return data.reshape(shape, order="F" if columns_first else "C")
