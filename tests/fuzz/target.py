"""Read the files of a case as a user would have them read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from marrowlight.errors import InputError, MarrowlightError
from marrowlight.study.limits import MIB, Limits
from tests.fuzz.corpus import DICOM, JSON, NIFTI, NRRD, SEG, YAML, ZIP

LIMITS = Limits(file_bytes=64 * MIB, image_bytes=64 * MIB, total_bytes=128 * MIB, files=2000)
"""As in the product, on a smaller scale: a case takes no more than a few hundred MiB."""


def preload() -> None:
    """Import all that reading may need, so that each forked process starts with it."""
    import gdcm  # noqa: F401
    import nibabel  # noqa: F401
    import nrrd  # noqa: F401
    import openjpeg  # noqa: F401
    import pydicom.pixels  # noqa: F401

    import marrowlight.causes.case_file
    import marrowlight.study.inspect
    import marrowlight.study.maskfile
    import marrowlight.study.open
    import marrowlight.study.seg_file
    import marrowlight.visit_folder
    import marrowlight.written_file  # noqa: F401


def read(kind: str, folder: Path, names: Sequence[str], like: Any) -> list[str]:
    """What became of the files: ``["opened"]``, or what was refused and as which error.

    Any exception that is none of ours, or ours but no refusal, is let through: a finding.
    """
    if kind in (SEG, NRRD) or (kind == NIFTI and names[0].startswith("mask")):
        return [_mask(folder / name, like) for name in names]
    if kind == JSON:
        return [_reading(folder)]
    if kind == YAML:
        return [_case(folder / name) for name in names]
    assert kind in (DICOM, NIFTI, ZIP)
    return [*_study(folder), _mask(folder / names[0], None)]


def _study(folder: Path) -> list[str]:
    import json

    from marrowlight.study.inspect import describe
    from marrowlight.study.open import build_study
    from marrowlight.study.parse import parse

    try:
        parsed = parse([folder], LIMITS)
        told = sorted({f"file: {s.fault}" for s in parsed.skipped if s.fault})
        out_of_memory = [s.reason for s in parsed.skipped if _unchecked(s.reason)]
        if out_of_memory:
            raise MemoryError(out_of_memory[0])
        study = build_study(parsed)
        json.dumps(describe(study))
        _ = study.primary
    except InputError as error:
        return [_refusal("study", error)]
    return ["study: opened", *told]


def _mask(path: Path, like: Any) -> str:
    import numpy as np

    from marrowlight.study.grid import Grid
    from marrowlight.study.maskfile import read_mask

    grids = [Grid(like[0], np.array(like[1]))] if like else []
    try:
        read_mask(path, grids, LIMITS)
    except InputError as error:
        return _refusal("mask", error)
    return "mask: opened"


def _reading(folder: Path) -> str:
    from marrowlight.visit_folder import visit_folder

    try:
        visit_folder(folder)
    except InputError as error:
        return _refusal("reading", error)
    return "reading: opened"


def _case(path: Path) -> str:
    from marrowlight.causes.case_file import read_case

    try:
        read_case(path)
    except InputError as error:
        return _refusal("case", error)
    return "case: opened"


def _refusal(what: str, error: MarrowlightError) -> str:
    """The kind of error; one that only came of memory running out missed a check: a finding.

    Depth has a last resort beyond its check, the parser's own; ``test_fuzz`` compares the two.
    """
    text = str(error)
    text.encode("utf-8")
    if _unchecked(text):
        raise MemoryError(text)
    return f"{what}: {type(error).__name__}"


def _unchecked(text: str) -> bool:
    return "too large to be read" in text or "MemoryError" in text
