"""``marrowlight export``: a reading as documents that hospitals and researchers take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowlight.cli import options as opt
from marrowlight.cli.console import Screen

if TYPE_CHECKING:
    from marrowlight.export.write import Exported

WHAT = {
    "seg.dcm": "DICOM segmentation: the edema of each bone",
    "seg_all.dcm": "DICOM segmentation: all edema in one segment",
    "probability.dcm": "DICOM fractional segmentation: probability of edema",
    "sr.dcm": "DICOM structured report (TID 1500): volumes per bone and lesion",
    "report.dcm": "the report as a PDF inside DICOM",
    "report.pdf": "the report as a PDF",
    "fhir.json": "FHIR R4 bundle: report, study, observations",
}
"""File to what it is; tables are named by their ending."""


def command(
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="Output folder of `marrowlight read` or `measure`."),
    ],
    seg: Annotated[bool, typer.Option("--seg", help="DICOM segmentation.")] = False,
    probability: Annotated[
        bool,
        typer.Option("--probability", help="Probability of edema as a fractional segmentation."),
    ] = False,
    sr: Annotated[bool, typer.Option("--sr", help="DICOM structured report (TID 1500).")] = False,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="The report as PDF, and inside DICOM.")
    ] = False,
    fhir: Annotated[bool, typer.Option("--fhir", help="FHIR R4 bundle.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Tables as CSV.")] = False,
    parquet: Annotated[bool, typer.Option("--parquet", help="Tables as Parquet.")] = False,
    course: Annotated[
        Path | None,
        typer.Option(
            metavar="COURSE",
            help="Output folder of `marrowlight follow` in which this reading is a visit: its "
            "lesions keep the tracking identifiers of the visit that saw them first.",
        ),
    ] = None,
    overwrite: opt.Overwrite = False,
    quiet: opt.Quiet = False,
    as_json: opt.Json = False,
) -> int:
    """Write a reading as documents: DICOM SEG and SR, PDF, FHIR, tables.

    Example: marrowlight export out --seg --sr --pdf --fhir

    Without any of these options every document is made but the probability map. They go into
    OUT/export and identify the patient as the images do. SEG, SR and the PDF inside DICOM need a
    reading of DICOM images. Every DICOM document is read back and held against the reading before
    it is written; exporting again gives the same objects. All are marked as automatic and not
    verified.

    Exit code 3 means that a document could not be made that was asked for.
    """
    from marrowlight.export.write import export_reading
    from marrowlight.stages import Stages

    screen = Screen(quiet=quiet, as_json=as_json)
    asked = {"seg": seg, "sr": sr, "pdf": pdf, "fhir": fhir, "csv": csv, "parquet": parquet,
             "probability": probability}  # fmt: skip
    wanted = [kind for kind, yes in asked.items() if yes] or None
    with screen.progress() as progress:
        done = export_reading(
            out, wanted=wanted, course=course, overwrite=overwrite, stages=Stages(on_start=progress)
        )
    _show(screen, done)
    return 3 if done.skipped and wanted else 0


def _show(screen: Screen, done: Exported) -> None:
    screen.result(
        {
            "folder": str(done.folder),
            "files": {name: str(path) for name, path in done.files.items()},
            "skipped": done.skipped,
        }
    )
    rows = [
        (name, WHAT.get(name, "table for researchers"), f"{path.stat().st_size / 1000:,.0f} kB")
        for name, path in done.files.items()
    ]
    screen.table(f"Documents in {done.folder}", ("file", "what it is", ">size"), rows)
    screen.warn([f"{kind} was not made: {why}" for kind, why in done.skipped.items()])
    screen.say("None of them has been verified by anybody, and each says so.")
