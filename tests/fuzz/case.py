"""A case: by its seed and number always the same damaged files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tests.fuzz import spoil_dicom, spoil_nifti, spoil_text, spoil_zip
from tests.fuzz.corpus import DICOM, JSON, NIFTI, NRRD, SEG, YAML, ZIP, Sample
from tests.fuzz.havoc import havoc

MOST_BYTES = 8 * 1024 * 1024
"""A damaged file is not longer than this, so that each case is quick."""

Spoil = Callable[[Random, bytes], bytes]

SPOILS: dict[str, Spoil] = {
    DICOM: spoil_dicom.spoil,
    SEG: spoil_dicom.spoil,
    NIFTI: spoil_nifti.spoil,
    NRRD: spoil_text.spoil_nrrd,
    ZIP: spoil_zip.spoil,
    JSON: spoil_text.spoil,
    YAML: spoil_text.spoil,
}


@dataclass(frozen=True)
class Case:
    """What one process reads: the sample that it was made of, and the damaged files."""

    number: int
    sample: Sample
    files: dict[str, bytes]


def make_case(samples: Sequence[Sample], seed: int, number: int) -> Case:
    """Case ``number`` of a seed. Takes each sample in turn."""
    r = Random(f"{seed}:{number}")
    sample = samples[number % len(samples)]
    files = dict(sample.files)
    steps = r.choice((1, 1, 2, 3, 5))
    every = r.random() < 0.25
    for name in files if every else [r.choice(list(files))]:
        # The same damage to each file of a series gives a series that belongs together.
        own = Random(f"{seed}:{number}:damage")
        data = files[name]
        for _ in range(steps):
            structured = own.random() < 0.7 and not name.endswith(".json")
            data = (SPOILS[sample.kind] if structured else havoc)(own, data)[:MOST_BYTES]
        files[name] = data
    return Case(number, sample, files)
