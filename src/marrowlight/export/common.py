"""What every DICOM document repeats: patient, study, equipment, and the images it is about."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

from marrowlight.errors import NotFromDicom
from marrowlight.export.material import Material
from marrowlight.report.sentence import not_read_name
from marrowlight.study.origin import DicomOrigin, SourceFrame

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MANUFACTURER = "Marrowlight"
MODEL = "Marrowlight bone marrow edema"
ALGORITHM = "Marrowlight edema finder"
CHARACTER_SET = "ISO_IR 192"
SERIES_NUMBERS = {"seg": 9101, "probability": 9102, "sr": 9103, "pdf": 9104, "seg_all": 9105}
"""Far from those of scanners, so that the documents come last in a viewer's list."""

SINGLE_FRAME_MR = "1.2.840.10008.5.1.4.1.1.4"

_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
_DATE, _TIME = re.compile(r"\d{8}"), re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?")
_MUST = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")


def automatic(material: Material) -> bool:
    """Whether the software found the edema, rather than being given its mask."""
    return material.reading.versions.parameters is not None


def marked_as(material: Material, what: str) -> str:
    """A description that says what the object is, and that nobody has checked it."""
    how = "automatic" if automatic(material) else "given mask"
    return f"Marrowlight {what}, {how}, not verified"


def comment_of(material: Material) -> str:
    """What a reader of the numbers must know: the summary, what was not read, what this is."""
    reading = material.reading
    not_read = [
        f"Not read: {not_read_name(one, region.side)} ({one.reason})."
        for region in reading.regions
        for one in region.not_read
    ]
    how = "Automatic, not verified." if automatic(material) else "Of a given mask, not verified."
    return " ".join([how, reading.summary, *not_read, reading.disclaimer])


def serial_number(material: Material) -> str:
    """Of the software as a device: what makes one installation measure as another."""
    versions = material.reading.versions
    return (versions.weights or versions.parameters or versions.knowledge)[:16]


def require_identifiers(origin: DicomOrigin) -> None:
    """Raise NotFromDicom if the images do not say which study, series or space they belong to."""
    missing = [key for key in _MUST if not _UID.fullmatch(origin.header.get(key, ""))]
    if not all(_UID.fullmatch(one.sop) and _UID.fullmatch(one.sop_class) for one in origin.frames):
        missing.append("SOPInstanceUID")
    if missing:
        raise NotFromDicom(
            f"The images have no valid {', '.join(missing)}.",
            expected="DICOM images that say which study, series and frame of reference is theirs",
            do="export the study again from the scanner or the archive",
        )


def source_images(origin: DicomOrigin, rows: int, columns: int) -> list[Dataset]:
    """One data set per slice, with what a document about the images has to repeat.

    Slices of multi-frame objects are given as single ones here; ``refer_to_frames`` then names
    object and frame in what was made of them.

    Raises NotFromDicom if the images do not say which study, series or space they belong to.
    """
    from pydicom.dataset import Dataset

    require_identifiers(origin)
    header = origin.header
    images = []
    for frame in origin.frames:
        image = Dataset()
        add_patient_and_study(image, header)
        image.SpecificCharacterSet = CHARACTER_SET
        image.SeriesInstanceUID = header["SeriesInstanceUID"]
        image.FrameOfReferenceUID = header["FrameOfReferenceUID"]
        image.PositionReferenceIndicator = ""
        image.Modality = header.get("Modality", "MR")
        image.SOPClassUID = SINGLE_FRAME_MR if frame.frame else frame.sop_class
        image.SOPInstanceUID = frame.sop
        image.Rows, image.Columns = rows, columns
        image.ImagePositionPatient = [_decimal(v) for v in frame.position]
        image.ImageOrientationPatient = [_decimal(v) for v in origin.orientation]
        image.PixelSpacing = [_decimal(v) for v in origin.pixel_spacing]
        image.SliceThickness = _decimal(origin.slice_thickness) if origin.slice_thickness else None
        images.append(image)
    return images


def add_patient_and_study(dataset: Dataset, header: dict[str, str]) -> None:
    """Set the attributes of patient and study as the images have them.

    Dates and times that are none are left empty; nothing else is changed or cut.
    """
    for key in (
        "PatientID", "PatientName", "StudyInstanceUID", "StudyID", "AccessionNumber",
        "ReferringPhysicianName",
    ):  # fmt: skip
        setattr(dataset, key, header.get(key, ""))
    for key in ("IssuerOfPatientID", "StudyDescription"):
        if header.get(key):
            setattr(dataset, key, header[key])
    sex = header.get("PatientSex", "")
    dataset.PatientSex = sex if sex in ("M", "F", "O") else ""
    for key, form in (("PatientBirthDate", _DATE), ("StudyDate", _DATE), ("StudyTime", _TIME)):
        text = header.get(key, "")
        setattr(dataset, key, text if form.fullmatch(text) and _is_real(key, text) else "")


def _is_real(key: str, text: str) -> bool:
    from pydicom.valuerep import DA, TM

    try:
        return bool(TM(text) if key.endswith("Time") else DA(text))
    except ValueError:
        return False


def _decimal(value: float) -> str:
    """A number as a DICOM decimal string of at most 16 characters."""
    from pydicom.valuerep import format_number_as_ds

    text: str = format_number_as_ds(float(value))
    return text


def equipment(material: Material) -> dict[str, str]:
    """Who made the document, in the words of highdicom's parameters."""
    return {
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": MODEL,
        "software_versions": material.reading.versions.software,
        "device_serial_number": serial_number(material),
    }


def made_at(material: Material) -> dict[str, Any]:
    """When the document was made, in the words of highdicom's parameters."""
    day, time = material.made.date(), material.made.time().replace(microsecond=0)
    return {"content_date": day, "content_time": time, "series_date": day, "series_time": time}


def finish(dataset: Dataset, material: Material) -> None:
    """Replace what was made up on the way, so that the same material gives the same bytes."""
    dataset.InstanceCreationDate = material.made.strftime("%Y%m%d")
    dataset.InstanceCreationTime = material.made.strftime("%H%M%S")
    for item in dataset.get("ContributingEquipmentSequence", ()):
        item.ContributionDateTime = material.made.strftime("%Y%m%d%H%M%S")


def refer_to_frames(dataset: Dataset, origin: DicomOrigin) -> None:
    """Let every reference to a source name the multi-frame object and the frame, where it is one.

    dataset : made of ``source_images``, which stand in for frames as single images.
    """
    if not origin.enhanced:
        return
    by_position = {tuple(_decimal(v) for v in one.position): one for one in origin.frames}
    objects = {one.sop: one.sop_class for one in origin.frames}
    for group in dataset.get("PerFrameFunctionalGroupsSequence", ()):
        place = tuple(str(v) for v in group.PlanePositionSequence[0].ImagePositionPatient)
        frame = by_position[place]
        for derivation in group.get("DerivationImageSequence", ()):
            for item in derivation.SourceImageSequence:
                _refer(item, frame)
    lists = [dataset.get("SourceImageSequence")]
    lists += [one.ReferencedInstanceSequence for one in dataset.get("ReferencedSeriesSequence", ())]
    for references in filter(None, lists):
        seen: set[str] = set()
        kept = []
        for item in references:
            uid = str(item.ReferencedSOPInstanceUID)
            if uid in objects and uid not in seen:
                item.ReferencedSOPClassUID = objects[uid]
            if uid not in seen:
                kept.append(item)
            seen.add(uid)
        references[:] = kept


def _refer(item: Any, frame: SourceFrame) -> None:
    item.ReferencedSOPClassUID = frame.sop_class
    item.ReferencedSOPInstanceUID = frame.sop
    item.ReferencedFrameNumber = frame.frame


def as_file(dataset: Dataset) -> bytes:
    """A DICOM file (PS3.10) in memory."""
    file = BytesIO()
    with as_it_is():
        dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


@contextmanager
def as_it_is() -> Iterator[None]:
    """Within it, text of the source images is repeated even where it is longer than allowed.

    A patient id that is cut to fit would be the id of somebody else. Warnings about such values are
    not shown either: they quote them.
    """
    from pydicom import config

    settings = config.settings
    reading, writing = settings.reading_validation_mode, settings.writing_validation_mode
    settings.reading_validation_mode = settings.writing_validation_mode = config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        settings.reading_validation_mode = reading
        settings.writing_validation_mode = writing
