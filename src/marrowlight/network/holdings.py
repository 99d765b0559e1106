"""What a server says that it holds: studies, series and instances."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from marrowlight.network.header import JsonHeader

UID = re.compile(r"[0-9.]{1,64}")
"""What may stand in an address. Archives hold UIDs with zeros in front, so no stricter."""


@dataclass(frozen=True)
class HeldStudy:
    """A study. uid, patient, date identify; patient : with who issued the id, where given.

    instances : of all kinds, None if the server does not say.
    """

    uid: str
    patient: str
    date: str
    description: str
    modalities: tuple[str, ...]
    instances: int | None


@dataclass(frozen=True)
class HeldSeries:
    """A series. instances : None if the server does not say; header : all that it said."""

    uid: str
    modality: str
    description: str
    instances: int | None
    header: JsonHeader


@dataclass(frozen=True)
class HeldInstance:
    """An instance, by the UIDs that lead to it."""

    study: str
    series: str
    uid: str


_Held = TypeVar("_Held")


def readable(answers: list[Any], make: Callable[[JsonHeader], _Held | None]) -> list[_Held]:
    """What can be made of the entries of an answer; entries without a sound UID are left out."""
    made = (make(JsonHeader(one)) for one in answers)
    return [one for one in made if one is not None]


def held_study(header: JsonHeader) -> HeldStudy | None:
    """A study as QIDO lists it; None without a UID."""
    uid = header.text("StudyInstanceUID")
    if not UID.fullmatch(uid):
        return None
    patient = header.text("PatientID")
    return HeldStudy(
        uid=uid,
        patient=f"{header.text('IssuerOfPatientID')}\\{patient}" if patient else "",
        date=header.text("StudyDate"),
        description=header.text("StudyDescription"),
        modalities=tuple(m for m in header.text("ModalitiesInStudy").split("\\") if m),
        instances=header.number("NumberOfStudyRelatedInstances"),
    )


def held_series(header: JsonHeader) -> HeldSeries | None:
    """A series as QIDO lists it; None without a UID."""
    uid = header.text("SeriesInstanceUID")
    if not UID.fullmatch(uid):
        return None
    return HeldSeries(
        uid=uid,
        modality=header.text("Modality"),
        description=header.text("SeriesDescription"),
        instances=header.number("NumberOfSeriesRelatedInstances"),
        header=header,
    )


def held_instance(header: JsonHeader, study: str, series: str | None) -> HeldInstance | None:
    """An instance as QIDO lists it; None without a UID."""
    of = series or header.text("SeriesInstanceUID")
    uid = header.text("SOPInstanceUID")
    sound = UID.fullmatch(of) and UID.fullmatch(uid)
    return HeldInstance(study, of, uid) if sound else None
