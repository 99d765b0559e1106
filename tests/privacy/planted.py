"""A study in which a patient's identity is planted, and the search for it."""

from __future__ import annotations

import gzip
from io import BytesIO
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

FAMILY, GIVEN = "Zwetschgenmeier", "Kunigunde"
NAME = f"{FAMILY}^{GIVEN}^Ödön=王^小明=おう^しょうめい"
PATIENT_ID = "KH-7731-QX"
BORN, VISIT = "19430817", "20190228"
ACCESSION = "ACC99172635"
INSTITUTION = "Spital Hinterkappelen"
ADDRESS = "Rosshaldenweg 17, 3032 Hinterkappelen"
PHYSICIAN = "Oberwalder^Ferdinand"
SERIAL = "SN-440917"

VALUES = (
    FAMILY, GIVEN, "Ödön", "小明", "しょうめい", PATIENT_ID, BORN, VISIT, ACCESSION, INSTITUTION,
    "Hinterkappelen", "Rosshaldenweg", "Oberwalder", "Ferdinand", "1943-08-17", "2019-02-28",
)  # fmt: skip
"""What must not be found in any output."""


def plant(folder: Path, visit: str = VISIT) -> None:
    """Write the identity into every DICOM file below a folder."""
    for path in sorted(folder.rglob("*.dcm")):
        dataset = pydicom.dcmread(path)
        plant_in(dataset, visit)
        dataset.save_as(path)


def plant_in(dataset: Dataset, visit: str = VISIT) -> None:
    """Write the identity into one data set: plainly, in texts, nested, private, as an overlay."""
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = NAME
    dataset.PatientID = PATIENT_ID
    dataset.OtherPatientIDs = [PATIENT_ID, "756.1234.5678.97"]
    dataset.PatientBirthDate = BORN
    dataset.PatientSex, dataset.PatientAge = "F", "092Y"
    dataset.PatientAddress = ADDRESS
    dataset.PatientComments = f"Frau {FAMILY} kommt wieder"
    for name in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        setattr(dataset, name, visit)
    dataset.AcquisitionDateTime = visit + "101112.250000+0100"
    dataset.AcquisitionTime = "101112.25"
    dataset.AccessionNumber = ACCESSION
    dataset.InstitutionName = INSTITUTION
    dataset.InstitutionAddress = ADDRESS
    dataset.ReferringPhysicianName = PHYSICIAN
    dataset.OperatorsName = PHYSICIAN
    dataset.DeviceSerialNumber = SERIAL
    dataset.SeriesDescription = f"{dataset.SeriesDescription} {FAMILY}"
    dataset.StudyDescription = f"Knee {GIVEN} {BORN}"
    dataset.ImageComments = f"{GIVEN} moved"
    request, person = Dataset(), Dataset()
    person.PersonName = PHYSICIAN
    request.RequestedProcedureDescription = f"Knie {FAMILY}"
    request.ReferencedSOPInstanceUID = dataset.SOPInstanceUID
    request.PersonIdentificationCodeSequence = Sequence([person])
    dataset.RequestAttributesSequence = Sequence([request])
    reference = Dataset()
    reference.ReferencedSOPClassUID = dataset.SOPClassUID
    reference.ReferencedSOPInstanceUID = dataset.SOPInstanceUID
    reference.TextValue = f"see {FAMILY}"
    dataset.ReferencedImageSequence = Sequence([reference])
    block = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", f"CSA {FAMILY} {PATIENT_ID}".encode())
    scale = dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
    scale.add_new(0x0E, "FL", 0.25)
    scale.add_new(0x10, "LO", FAMILY)
    dataset.add_new(0x60000010, "US", 8)
    dataset.add_new(0x60000022, "LO", f"{FAMILY} overlay")
    dataset.add_new(0x60003000, "OW", f"{FAMILY}!".encode())
    dataset.add_new(0x50000022, "LO", f"curve of {GIVEN}")


def traces(content: bytes) -> list[str]:
    """The planted values that stand in some bytes, in any case; packed formats are unpacked."""
    low = _unpacked(content).lower()
    return [value for value in VALUES if value.encode().lower() in low]


def _unpacked(content: bytes) -> bytes:
    if content[:2] == b"\x1f\x8b":
        return gzip.decompress(content)
    if content[:4] == b"%PDF":
        from pypdf import PdfReader

        pdf = PdfReader(BytesIO(content))
        pages = "\n".join(page.extract_text() for page in pdf.pages)
        return f"{pages}\n{pdf.metadata}".encode() + content
    if content[:4] == b"PAR1":
        import pyarrow.parquet

        table = pyarrow.parquet.read_table(BytesIO(content))
        return f"{table.to_pylist()} {table.schema.metadata}".encode() + content
    return content


def traces_in(folder: Path, *, but: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """Planted values in the names and the contents of all files below a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        told = traces(name.encode())
        if path.is_file() and path.name not in but:
            told += traces(path.read_bytes())
        if told:
            found[name] = told
    return found
