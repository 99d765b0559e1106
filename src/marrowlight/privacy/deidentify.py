"""De-identify folders, files and archives of DICOM."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from marrowlight.errors import NoImages, UsageError
from marrowlight.privacy.instance import Instance, LeftOut, deidentify_bytes
from marrowlight.privacy.options import Options
from marrowlight.privacy.output import DeidentifiedFolder, check_output
from marrowlight.privacy.report import Deidentified, Failure, Series
from marrowlight.privacy.secret import Secret, one_time_secret, secret_from
from marrowlight.study.gather import Item, gather
from marrowlight.study.limits import Limits
from marrowlight.study.parse import DICOM_NAMES, kind_of
from marrowlight.study.redact import masked
from marrowlight.study.shown import shown_name

Progress = Callable[[int], None]
"""Called with the number of files looked at."""

NIFTI = "NIfTI or its sidecar; only DICOM is de-identified (headers and JSON may name the patient)"
OTHER = "no DICOM"


def deidentify(
    *paths: str | Path,
    out: str | Path,
    secret_file: str | Path | None = None,
    new_secret: bool = False,
    characteristics: bool = False,
    device: bool = False,
    burned_in: bool = False,
    overwrite: bool = False,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Deidentified:
    """Write MR images without what identifies the patient (DICOM PS3.15 Basic Profile, options).

    Parameters
    ----------
    paths : folders, DICOM files and zip archives, in any mixture, of any number of patients
    out : folder for ``NNN-xxxxxxxx/NNNN.dcm``, one folder a series, and ``deidentified.json``
    secret_file : optional
        With the same secret, visits of a patient keep together over several runs. Without one a
        secret is made for this run alone and thrown away.
    new_secret : bool
        Make ``secret_file``, readable by its owner alone. It is never replaced.
    characteristics, device, burned_in : as in ``privacy.options.Options``
    overwrite : bool
        Replace the files of an earlier run.
    limits : Limits, optional
    progress : called with the number of files looked at, optional

    Returns
    -------
    Deidentified
        ``failures`` names files that are damaged or could not be cleaned; they stop no other.

    Raises
    ------
    NoImages
        No file was written.
    UsageError, LimitExceeded, OutputExists, OutputNotWritable
    """
    if not paths:
        raise UsageError("Nothing was named.", expected="a folder, DICOM file or zip archive")
    if new_secret and secret_file is None:
        raise UsageError(
            "A new secret is to be made, and no file for it is named.",
            where="--new-secret",
            expected="--secret-file FILE beside it",
        )
    folder = Path(out)
    check_output(folder, overwrite=overwrite)
    secret = one_time_secret()
    if secret_file is not None:
        secret = secret_from(Path(secret_file), make=new_secret)
    options = Options(characteristics=characteristics, device=device, burned_in=burned_in)
    run = _Run(secret, options, limits or Limits())
    with DeidentifiedFolder(folder, overwrite=overwrite) as place:
        for number, item in enumerate(gather(paths, run.limits), start=1):
            if progress:
                progress(number)
            run.take(item, place)
        done = run.result(one_time=secret_file is None)
        if not done.files:
            _refuse(done)
        place.finish(done.as_dict())
    return done


class _Run:
    """What is known so far; files are cleaned and written one by one."""

    def __init__(self, secret: Secret, options: Options, limits: Limits) -> None:
        self.secret, self.options, self.limits = secret, options, limits
        self.series: dict[tuple[str, str, str], list[int]] = {}
        self.counts: Counter[str] = Counter()
        self.cautions: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.failed: list[tuple[str, str]] = []
        self.words: set[str] = set()

    def take(self, item: Item, place: DeidentifiedFolder) -> None:
        """Clean one file and write it, or say why not."""
        got = self._clean(item)
        self.words |= got.words
        if isinstance(got, Instance):
            key = (got.patient, got.study, got.series)
            number, files = self.series.setdefault(key, [len(self.series) + 1, 0])
            self.series[key][1] = files + 1
            place.write(_folder(number, got.series), f"{files + 1:04d}.dcm", got.content)
            self.counts.update(got.counts)
            self.counts["scrubbed"] += got.scrubbed
            self.cautions.update(got.cautions)
        elif got.fault:
            self.failed.append((shown_name(item.name), got.reason))
        else:
            self.left_out[got.reason] += 1

    def _clean(self, item: Item) -> Instance | LeftOut:
        if item.refused:
            return LeftOut(item.refused, fault=bool(item.fault))
        lower = item.name.lower()
        try:
            kind = kind_of(item.head(), lower)
            if kind == "dicom":
                return deidentify_bytes(item.read(), self.secret, self.options, self.limits)
        except OSError as error:
            return LeftOut(f"cannot be read ({type(error).__name__})", fault=True)
        if kind == "nifti" or lower.endswith(".json"):
            return LeftOut(NIFTI)
        if lower.endswith(DICOM_NAMES):
            return LeftOut("is called DICOM and is none", fault=True)
        return LeftOut(OTHER)

    def result(self, *, one_time: bool) -> Deidentified:
        """What was done, with file names masked by the names and ids of all files."""
        series = tuple(
            Series(_folder(number, uid), patient, study, uid, files)
            for (patient, study, uid), (number, files) in self.series.items()
        )
        failures = tuple(Failure(masked(name, self.words), why) for name, why in self.failed)
        return Deidentified(
            series=series,
            counts=self.counts,
            cautions=self.cautions,
            left_out=self.left_out,
            failures=failures,
            options=self.options,
            one_time=one_time,
        )


def _folder(number: int, series: str) -> str:
    """Folder of a series: its number in the run, and a hash of its new UID."""
    return f"{number:03d}-{hashlib.sha256(series.encode()).hexdigest()[:8]}"


def _refuse(done: Deidentified) -> None:
    reasons: Sequence[str] = [f"{n} x {reason}" for reason, n in done.left_out.most_common(8)]
    reasons = [*reasons, *(f"{one.file}: {one.reason}" for one in done.failures[:8])]
    raise NoImages(
        "There is no MR image that can be de-identified." + "".join(f"\n  {r}" for r in reasons),
        expected="DICOM MR images, in folders or zip archives",
        do="name the folder that holds them",
    )
