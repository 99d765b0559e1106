"""Twenty small studies for a server: most to be read, some not, of patients with one or two visits.

Digital joints, a few of them made and the rest written anew under other patients' names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from marrowlight.phantom.phantom import make_phantom
from marrowlight.phantom.spec import PhantomSpec, Repeat
from marrowlight.phantom.write import write_phantom
from marrowlight.study.study import Joint, Side

SMALL = PhantomSpec(pixel_mm=1.2, slice_mm=5.0, also=())
JOINTS = {
    "ankle": replace(SMALL, joint=Joint.ANKLE),
    "ankle, later": replace(SMALL, joint=Joint.ANKLE, repeat=Repeat(1, day=90)),
    "knee": SMALL,
    "knee, later": replace(SMALL, repeat=Repeat(1, day=90)),
    "left ankle": replace(SMALL, joint=Joint.ANKLE, side=Side.LEFT, seed=2),
}
FITS, NO_FIT, BROKEN = "fits", "does_not_fit", "given_up"


@dataclass(frozen=True)
class Sent:
    """A study that is sent. what : in words; becomes : FITS, NO_FIT or BROKEN."""

    number: int
    patient: str
    uid: str
    what: str
    becomes: str
    folder: Path


def uid(*parts: object) -> str:
    """A UID that follows from parts."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:15], 'big')}"


def make_studies(folder: Path, *, count: int = 20) -> list[Sent]:
    """Write the studies; of twenty, 16 fit, of 14 patients, one is broken and three do not fit."""
    made = {
        name: write_phantom(make_phantom(spec), folder / "made" / name) / "dicom"
        for name, spec in JOINTS.items()
    }
    plans: list[tuple[str, str, str, Callable[[Any], None] | None]] = [
        ("P1", "ankle", FITS, None),
        ("P2", "left ankle", BROKEN, None),
        ("P3", "knee", NO_FIT, _head),
        ("P1", "ankle, later", FITS, None),
        ("P4", "knee", FITS, None),
        ("P5", "ankle", NO_FIT, _without_fluid),
        ("P4", "knee, later", FITS, None),
        ("P6", "left ankle", FITS, None),
        ("P7", "ankle", NO_FIT, _without_joint),
    ]
    names = ("ankle", "left ankle", "ankle, later")
    plans += [(f"P{n}", names[n % 3], FITS, None) for n in range(8, 8 + count - len(plans))]
    return [
        _written(folder / "sent" / f"{n:02d}", n, *plan, made[plan[1]])
        for n, plan in enumerate(plans[:count], start=1)
    ]


def _written(
    place: Path, number: int, patient: str, name: str, becomes: str,
    change: Callable[[Any], None] | None, source: Path,
) -> Sent:  # fmt: skip
    from pydicom import dcmread

    place.mkdir(parents=True)
    files = sorted(source.rglob("*.dcm"))
    if becomes == BROKEN:
        del files[4:8]
    study = uid(number, "study")
    for n, file in enumerate(files):
        ds = dcmread(file)
        ds.PatientID, ds.PatientName = f"{patient}-4711", f"Doe^{patient}"
        ds.StudyInstanceUID = study
        ds.SeriesInstanceUID = uid(number, str(ds.SeriesInstanceUID))
        ds.FrameOfReferenceUID = uid(number, str(ds.FrameOfReferenceUID))
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid(number, n)
        if change:
            change(ds)
        ds.save_as(place / f"{n:03d}.dcm", enforce_file_format=True)
    what = {None: name, _head: "a head", _without_fluid: f"{name}, T1 only",
            _without_joint: "no word of a joint"}[change]  # fmt: skip
    what = f"{name}, slices missing" if becomes == BROKEN else what
    return Sent(number, patient, study, what, becomes, place)


def _head(ds: Any) -> None:
    ds.BodyPartExamined, ds.StudyDescription = "HEAD", "MR brain"
    del ds.Laterality


def _without_fluid(ds: Any) -> None:
    ds.SeriesDescription = ds.ProtocolName = "sag T1 TSE"
    ds.SequenceName, ds.ScanOptions = "tse_t1", ""
    ds.EchoTime, ds.RepetitionTime = 12.0, 600.0


def _without_joint(ds: Any) -> None:
    ds.StudyDescription = "MR"
    del ds.BodyPartExamined
