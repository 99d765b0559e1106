"""What a run of de-identification did, without one original value."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from marrowlight.privacy.cautions import PROMISE, TEXTS
from marrowlight.privacy.options import Options

SCHEMA = "marrowlight.deidentified/1"
RECORD = "deidentified.json"


@dataclass(frozen=True)
class Series:
    """One series that was written.

    folder : below the output folder; patient, study, uid : as they are in its files
    """

    folder: str
    patient: str
    study: str
    uid: str
    files: int


@dataclass(frozen=True)
class Failure:
    """A file that was not written though it should have been.

    file : its name, with what identifies a patient masked
    """

    file: str
    reason: str


@dataclass(frozen=True)
class Deidentified:
    """What a run did.

    Parameters
    ----------
    series : tuple of Series
    counts : elements kept, changed, removed, scrubbed over all files
    cautions : code of a caution to the number of files
    left_out : reason to the number of files that are no MR images, or show text
    failures : tuple of Failure
        Damaged files, and files that could not be cleaned. Nothing of them was written.
    options : Options
    one_time : bool
        The secret was thrown away: later runs give other pseudonyms.
    """

    series: tuple[Series, ...]
    counts: Counter[str]
    cautions: Counter[str]
    left_out: Counter[str]
    failures: tuple[Failure, ...]
    options: Options
    one_time: bool

    @property
    def files(self) -> int:
        """Files written."""
        return sum(one.files for one in self.series)

    @property
    def patients(self) -> int:
        """Patients, by pseudonym."""
        return len({one.patient for one in self.series})

    def warnings(self) -> list[str]:
        """What a person must look at, and what is not promised."""
        texts = [f"{n} image{_s(n)} {TEXTS[code]}" for code, n in sorted(self.cautions.items())]
        for reason, n in sorted(self.left_out.items()):
            texts.append(f"{n} file{_s(n)} left out: {reason}.")
        return [*texts, PROMISE]

    def as_dict(self) -> dict[str, Any]:
        """JSON-able values; no original name, id, date or UID."""
        return {
            "schema": SCHEMA,
            "options": [{"code": code, "meaning": text} for code, text in self.options.codes],
            "secret": "one-time" if self.one_time else "from a file",
            "files": self.files,
            "patients": self.patients,
            "series": [
                {
                    "folder": one.folder,
                    "patient": one.patient,
                    "study_uid": one.study,
                    "series_uid": one.uid,
                    "files": one.files,
                }
                for one in self.series
            ],
            "elements": dict(sorted(self.counts.items())),
            "left_out": [{"reason": r, "files": n} for r, n in sorted(self.left_out.items())],
            "failures": [{"file": f.file, "reason": f.reason} for f in self.failures],
            "cautions": [{"code": c, "files": n} for c, n in sorted(self.cautions.items())],
            "warnings": self.warnings(),
        }


def _s(number: int) -> str:
    return "" if number == 1 else "s"
