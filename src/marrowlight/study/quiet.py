"""Keep the parsers of other people quiet while they meet damaged files."""

from __future__ import annotations

import logging
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

PARSER_FAULTS = (
    ArithmeticError, AssertionError, AttributeError, BufferError, EOFError, LookupError,
    OSError, RuntimeError, TypeError, ValueError, struct.error, zlib.error,
)  # fmt: skip
"""What parsers and decoders raise on damaged input."""

LOGGERS = ("pydicom", "openjpeg", "libjpeg", "pylibjpeg", "nibabel.global")


def dicom_faults() -> tuple[type[Exception], ...]:
    """``PARSER_FAULTS`` and pydicom's own, which derive from Exception alone."""
    from pydicom.errors import BytesLengthException, InvalidDicomError

    return (*PARSER_FAULTS, BytesLengthException, InvalidDicomError)


@contextmanager
def quiet_parsers() -> Iterator[None]:
    """Within it, parsers neither warn nor log.

    They quote odd values, which may name a patient, and print tracebacks of what is then raised as
    one of our errors anyway.
    """
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(one.propagate, one.level) for one in loggers]
    try:
        for one in loggers:
            one.propagate = False
            one.setLevel(logging.CRITICAL + 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for one, (propagate, level) in zip(loggers, before, strict=True):
            one.propagate = propagate
            one.setLevel(level)
