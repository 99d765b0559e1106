"""One patient, one visit: what must not be mixed, said without naming anyone."""

from __future__ import annotations

from marrowlight.errors import MixedPatients
from marrowlight.study.candidate import Candidate
from marrowlight.study.parsed import Parsed, Tags
from marrowlight.study.words import plain


def check_one_patient(parsed: Parsed) -> None:
    """Raise MixedPatients if the headers name more than one patient.

    Patients differ by id; where no id is given, by name and date of birth. No value is shown.
    """
    headers = [s.tags for s in parsed.slices] + [s.tags for s in parsed.skipped if s.tags]
    headers += [image.sidecar for image in parsed.images if image.sidecar]
    ids = {plain(str(t["PatientID"])) for t in headers if t.get("PatientID")}
    others = {_name(t) for t in headers if not t.get("PatientID") and _name(t) != ("", "")}
    what = ""
    if len(ids) > 1:
        what = f"{len(ids)} different patient ids"
    elif not ids and len(others) > 1:
        what = f"{len(others)} different patients by name and date of birth"
    if what:
        raise MixedPatients(
            f"The input holds {what}.",
            expected="one study of one patient",
            do="name the folder of one patient; the ids are not shown here on purpose",
        )


def other_visits(one: Candidate, primary: Candidate | None) -> bool:
    """Whether a series carries another study date than the primary one."""
    if primary is None:
        return False
    mine, theirs = one.tags.get("StudyDate", ""), primary.tags.get("StudyDate", "")
    return bool(mine and theirs and mine != theirs)


def study_identity(one: Candidate | None) -> dict[str, str]:
    """What identifies the patient and the visit; only source.json may hold it."""
    if one is None:
        return {}
    wanted = {"PatientID": "patient_id", "StudyDate": "study_date"}
    return {name: str(one.tags[key]) for key, name in wanted.items() if one.tags.get(key)}


def _name(tags: Tags) -> tuple[str, str]:
    return plain(str(tags.get("PatientName", ""))), str(tags.get("PatientBirthDate", ""))
