"""All documents of a reading, as bytes: values in, values out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from marrowlight.errors import NotFromDicom, UsageError
from marrowlight.export.material import Material
from marrowlight.stages import Stages

NAMES = {
    "seg": ("seg.dcm", "seg_all.dcm"),
    "sr": ("sr.dcm",),
    "pdf": ("report.dcm", "report.pdf"),
    "fhir": ("fhir.json",),
    "csv": ("bones.csv", "lesions.csv", "zones.csv"),
    "parquet": ("bones.parquet", "lesions.parquet", "zones.parquet"),
    "probability": ("probability.dcm",),
}
"""Kind of document to the files that it may give."""

KINDS = tuple(NAMES)
ALL = tuple(kind for kind in KINDS if kind != "probability")
"""What is made when nothing is named: the probability map is large, and few want it."""


@dataclass(frozen=True)
class Documents:
    """Documents of one reading.

    files : by kind, file name to content; skipped : kind to why it could not be made.
    """

    files: dict[str, dict[str, bytes]]
    skipped: dict[str, str]


def known_kinds(wanted: Sequence[str] | None) -> list[str]:
    """Kinds of document, each once, ``ALL`` unless named; raises UsageError for any other word."""
    kinds = list(dict.fromkeys(ALL if wanted is None else wanted))
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise UsageError(f"There is no document {unknown[0]!r}.", expected=", ".join(KINDS))
    return kinds


def make_documents(
    material: Material,
    *,
    page: str | None,
    wanted: Sequence[str] | None = None,
    stages: Stages | None = None,
) -> Documents:
    """Make documents and read each DICOM one back before it is handed out.

    Parameters
    ----------
    material : Material
    page : the report page, ``report.html``, that the PDF is made of; None leaves the PDF out
    wanted : of ``KINDS``; ``ALL`` unless given
    stages : Stages, optional

    Raises
    ------
    UsageError
        A kind that does not exist.
    DocumentError
        A document does not read back as it was meant.
    GridMismatch
        The masks do not stand on the source images.
    """
    times = stages or Stages()
    files: dict[str, dict[str, bytes]] = {}
    skipped: dict[str, str] = {}
    for kind in known_kinds(wanted):
        if kind == "pdf" and page is None:
            skipped[kind] = "there is no report.html beside the reading"
            continue
        if kind == "probability" and material.probability is None:
            skipped[kind] = "the edema mask was given, so there is no probability"
            continue
        with times.stage(kind):
            try:
                files[kind] = _MAKERS[kind](material, page or "")
            except NotFromDicom as error:
                skipped[kind] = error.found
    if "pdf" in files and material.origin is None:
        skipped["pdf in DICOM"] = "the images were no DICOM; report.pdf stands alone"
    return Documents(files, skipped)


def _seg(material: Material, page: str) -> dict[str, bytes]:
    from marrowlight.export.common import as_file
    from marrowlight.export.read_back import check_seg, check_whole_seg
    from marrowlight.export.seg import edema_seg, whole_seg

    files = {"seg.dcm": as_file(edema_seg(material))}
    check_seg(files["seg.dcm"], material)
    if material.bones_with_edema:
        files["seg_all.dcm"] = as_file(whole_seg(material))
        check_whole_seg(files["seg_all.dcm"], material)
    return files


def _probability(material: Material, page: str) -> dict[str, bytes]:
    from marrowlight.export.common import as_file
    from marrowlight.export.read_back import check_probability
    from marrowlight.export.seg import probability_seg

    file = as_file(probability_seg(material))
    check_probability(file, material)
    return {"probability.dcm": file}


def _sr(material: Material, page: str) -> dict[str, bytes]:
    from marrowlight.export.common import as_file
    from marrowlight.export.read_back import check_sr
    from marrowlight.export.sr import measurement_sr

    file = as_file(measurement_sr(material))
    check_sr(file, material)
    return {"sr.dcm": file}


def _pdf(material: Material, page: str) -> dict[str, bytes]:
    from marrowlight.export.pdf import report_pdf

    pdf = report_pdf(page, material)
    files = {"report.pdf": pdf}
    if material.origin is not None:
        from marrowlight.export.common import as_file
        from marrowlight.export.encapsulated import encapsulated_pdf
        from marrowlight.export.read_back import check_pdf

        files["report.dcm"] = as_file(encapsulated_pdf(material, pdf))
        check_pdf(files["report.dcm"], pdf)
    return files


def _fhir(material: Material, page: str) -> dict[str, bytes]:
    from marrowlight.export.fhir import fhir_bytes

    return {"fhir.json": fhir_bytes(material)}


def _csv(material: Material, page: str) -> dict[str, bytes]:
    from marrowlight.export.tables import table_files

    return table_files(material, kind="csv")


def _parquet(material: Material, page: str) -> dict[str, bytes]:
    from marrowlight.export.tables import table_files

    return table_files(material, kind="parquet")


_MAKERS: dict[str, Callable[[Material, str], dict[str, bytes]]] = {
    "seg": _seg,
    "probability": _probability,
    "sr": _sr,
    "pdf": _pdf,
    "fhir": _fhir,
    "csv": _csv,
    "parquet": _parquet,
}
