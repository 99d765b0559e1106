"""``marrowlight deidentify``: DICOM without what identifies the patient."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowlight.cli import options as opt
from marrowlight.cli.console import Screen

if TYPE_CHECKING:
    from marrowlight.privacy.report import Deidentified

SHOWN_FAILURES = 20


def command(
    inputs: Annotated[
        list[Path],
        typer.Argument(help="Folders, DICOM files, zip archives; in any mixture."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the new files.")],
    secret_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The secret of an earlier run, so that visits of a patient keep together. Without "
            "it a secret is made for this run alone and thrown away.",
        ),
    ] = None,
    new_secret: Annotated[
        bool,
        typer.Option("--new-secret", help="Make the file of the secret; it is never replaced."),
    ] = False,
    keep_characteristics: Annotated[
        bool,
        typer.Option(
            "--keep-characteristics",
            help="Keep sex, age (above 89 as 090Y), size, weight, smoking, pregnancy (113108).",
        ),
    ] = False,
    keep_device: Annotated[
        bool,
        typer.Option("--keep-device", help="Keep serial number and name of the scanner (113109)."),
    ] = False,
    burned_in: Annotated[
        bool,
        typer.Option(
            "--burned-in",
            help="Also write pictures that may show text: secondary captures, and images that say "
            "so. Look at each.",
        ),
    ] = False,
    overwrite: opt.Overwrite = False,
    quiet: opt.Quiet = False,
    as_json: opt.Json = False,
) -> int:
    """Write MR images without what identifies the patient (DICOM PS3.15, Basic Profile).

    Example: marrowlight deidentify exam/ -o shared --secret-file key --new-secret

    Names, ids and places go, dates move by a secret number of days, UIDs are replaced and keep
    belonging together, pixels stay as they are. Every file is read again and searched for what was
    in the original. Text burned into pixels and faces are NOT removed. Exit code 3 means that files
    could not be cleaned and were not written.
    """
    from marrowlight.privacy.deidentify import deidentify

    screen = Screen(quiet=quiet, as_json=as_json)
    with screen.progress() as progress:
        done = deidentify(
            *inputs,
            out=out,
            secret_file=secret_file,
            new_secret=new_secret,
            characteristics=keep_characteristics,
            device=keep_device,
            burned_in=burned_in,
            overwrite=overwrite,
            progress=lambda number: progress(f"de-identify: file {number}"),
        )
    screen.result(done.as_dict())
    _show(screen, done, out)
    _warn_secret(screen, secret_file)
    return 3 if done.failures else 0


def _show(screen: Screen, done: Deidentified, out: Path) -> None:
    rows = [(one.folder, one.patient, str(one.files)) for one in done.series]
    screen.table("Written", ("folder", "patient", ">files"), rows)
    counts = done.counts
    screen.say(
        f"{done.files} files of {done.patients} patient(s) in {out}; elements kept "
        f"{counts['kept']}, changed {counts['changed']}, removed {counts['removed']}, emptied "
        f"because a name or id stood in them {counts['scrubbed']}."
    )
    screen.say("Options: " + ", ".join(f"{code} {text}" for code, text in done.options.codes))
    screen.warn(done.warnings())
    if done.failures:
        told = [f"{one.file}: {one.reason}" for one in done.failures[:SHOWN_FAILURES]]
        more = len(done.failures) - len(told)
        told += [f"and {more} more, in deidentified.json"] if more else []
        screen.warn([f"{len(done.failures)} file(s) were not written:", *told])


def _warn_secret(screen: Screen, secret_file: Path | None) -> None:
    from marrowlight.privacy.secret import others_can_read

    if secret_file is not None and others_can_read(secret_file):
        screen.warn(["Other accounts can read the file of the secret: chmod 600 it."])
