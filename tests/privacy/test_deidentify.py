"""De-identified images hold nothing of the patient, and are read like the originals."""

import json
import shutil
import subprocess
import zipfile
from collections import Counter

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

import marrowlight as ml
from marrowlight.privacy import instance
from marrowlight.privacy.instance import Instance, LeftOut, deidentify_bytes
from marrowlight.privacy.options import Options
from marrowlight.privacy.secret import Secret
from marrowlight.study.limits import Limits
from tests.cli.running import run_cli
from tests.privacy.planted import (
    BORN,
    FAMILY,
    GIVEN,
    PATIENT_ID,
    SERIAL,
    plant,
    plant_in,
    traces,
    traces_in,
)
from tests.study.study_files import base, oblique_grid, picture, slice_sets

SECRET = Secret(b"a secret of the tests, and no other")


def as_bytes(dataset, **how):
    from io import BytesIO

    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True, **how)
    return buffer.getvalue()


def one_slice(**tags):
    grid = oblique_grid()
    return slice_sets(picture(grid.shape), grid, SeriesDescription="STIR sag", **tags)[0]


def cleaned(dataset, options=None):
    """The data set that comes out, and what was said of it."""
    got = deidentify_bytes(as_bytes(dataset), SECRET, options or Options(), Limits())
    assert isinstance(got, Instance), got
    return instance.dataset_of(got.content, Limits()), got


@pytest.fixture
def planted(exam):
    plant(exam.dicom)
    return exam


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "key"
    path.write_text("0123456789abcdef" * 4)
    return path


def test_nothing_of_the_patient_is_left(planted, tmp_path, capsys):
    out = tmp_path / "out"
    seen = run_cli(capsys, "deidentify", planted.dicom, "-o", out)
    assert seen.code == 0, seen.err
    files = list(out.rglob("*.dcm"))
    assert len(files) == len(list(planted.dicom.rglob("*.dcm")))
    assert traces_in(out) == {}
    assert traces((seen.out + seen.err).encode()) == []
    # Not even the UIDs, which can be looked up where the images came from.
    old = {pydicom.dcmread(p).SOPInstanceUID for p in planted.dicom.rglob("*.dcm")}
    assert not any(uid.encode() in p.read_bytes() for p in files[:3] for uid in old)


def test_it_is_read_as_before(planted, tmp_path):
    ml.deidentify(planted.dicom, out=tmp_path / "out")
    before, after = ml.open_study(planted.dicom), ml.open_study(tmp_path / "out")
    assert (after.joint, after.side, after.primary_id) == (
        before.joint, before.side, before.primary_id,
    )  # fmt: skip
    for old, new in zip(before.series, after.series, strict=True):
        assert (new.role, new.plane, new.sequence) == (old.role, old.plane, old.sequence)
        assert np.array_equal(new.volume.voxels, old.volume.voxels)
        assert np.array_equal(new.volume.grid.affine, old.volume.grid.affine)


def test_marrowlight_read_gives_the_same_volumes(planted, tmp_path, capsys):
    out = tmp_path / "out"
    ml.deidentify(planted.dicom, out=out)
    volumes = []
    for name, exam in (("before", planted.dicom), ("after", out)):
        more = ("--bones", planted.bones, "--bone-labels", "registry", "--only-primary")
        more = (*more, "-o", tmp_path / name)
        assert run_cli(capsys, "read", exam, *more).code == 0
        reading = json.loads((tmp_path / name / "reading.json").read_text())
        volumes.append([region["edema"] for region in reading["regions"]])
    assert volumes[0] == volumes[1]
    assert volumes[0][0]["lesions"]


def test_it_says_what_was_done():
    dataset = one_slice()
    plant_in(dataset)
    new, _ = cleaned(dataset)
    assert new.PatientIdentityRemoved == "YES"
    assert new.LongitudinalTemporalInformationModified == "MODIFIED"
    codes = [
        (c.CodeValue, c.CodingSchemeDesignator) for c in new.DeidentificationMethodCodeSequence
    ]
    assert codes == [(c, "DCM") for c in ("113100", "113105", "113107", "113111")]
    assert "BurnedInAnnotation" not in new  # Nobody looked: nothing is claimed.
    more = Options(characteristics=True, device=True)
    new, _ = cleaned(dataset, more)
    codes = [c.CodeValue for c in new.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113105", "113107", "113108", "113109", "113111"]
    meanings = {c.CodeValue: c.CodeMeaning for c in new.DeidentificationMethodCodeSequence}
    assert meanings["113108"] == "Retain Patient Characteristics Option"
    assert (new.PatientSex, new.PatientAge, new.DeviceSerialNumber) == ("F", "090Y", SERIAL)


def test_descriptions_keep_the_words_that_say_what_it_is():
    dataset = one_slice(ContrastBolusAgent="Gadobutrol 7 ml by Nurse Joy")
    plant_in(dataset)
    new, _ = cleaned(dataset)
    assert new.SeriesDescription == "stir sag"
    assert new.StudyDescription == "knee"
    assert new.ContrastBolusAgent  # That one was given decides what the image is.
    assert "nurse" not in new.ContrastBolusAgent.lower()


def test_references_and_visits_keep_together(exam, tmp_path, key):
    """Two visits in two runs with one secret: the same patient, the interval kept."""
    visits = []
    for name, day in (("first", "20190228"), ("second", "20200301")):
        folder = tmp_path / name
        shutil.copytree(exam.fluid, folder)
        plant(folder, day)
        ml.deidentify(folder, out=tmp_path / f"{name}-out", secret_file=key)
        visits.append(
            [pydicom.dcmread(p) for p in sorted((tmp_path / f"{name}-out").rglob("*.dcm"))]
        )
    first, second = visits
    assert {d.PatientID for d in first + second} == {first[0].PatientID}
    assert str(first[0].PatientName) == first[0].PatientID
    days = [np.datetime64(f"{d.StudyDate[:4]}-{d.StudyDate[4:6]}-{d.StudyDate[6:]}") for d in
            (first[0], second[0])]  # fmt: skip
    assert days[1] - days[0] == np.timedelta64(367, "D")
    assert days[0] < np.datetime64("2019-02-28")
    assert first[0].AcquisitionDateTime == first[0].StudyDate + "101112.250000"
    assert first[0].AcquisitionTime == "101112.25"
    for one in first:
        assert one.ReferencedImageSequence[0].ReferencedSOPInstanceUID == one.SOPInstanceUID
        assert one.file_meta.MediaStorageSOPInstanceUID == one.SOPInstanceUID
        assert one.SOPInstanceUID.startswith("2.25.")
        assert one.SOPInstanceUID.is_valid
    assert len({d.SeriesInstanceUID for d in first}) == 1
    assert len({d.FrameOfReferenceUID for d in first + second}) == 1
    assert len({d.SOPInstanceUID for d in first}) == len(first)


def test_without_a_secret_two_runs_have_nothing_in_common(exam, tmp_path):
    names = []
    for name in ("one", "two"):
        done = ml.deidentify(exam.fluid, out=tmp_path / name)
        assert done.one_time
        names.append((done.series[0].patient, done.series[0].uid))
    assert names[0][0] != names[1][0]
    assert names[0][1] != names[1][1]


def test_only_safe_private_attributes_stay():
    dataset = one_slice()
    plant_in(dataset)
    hidden = dataset.private_block(0x2001, "Philips Imaging DD 001", create=True)
    hidden.add_new(0x0B, "LO", "not a code")  # The list has a CS here.
    hidden.add_new(0x81, "IS", "3")
    new, _ = cleaned(dataset)
    private = {e.tag: e.value for e in new if e.tag.is_private and not e.tag.is_private_creator}
    assert private == {0x2005100E: 0.25, 0x20011081: 3}
    creators = {e.value for e in new if e.tag.is_private_creator}
    assert creators == {"Philips MR Imaging DD 001", "Philips Imaging DD 001"}


def test_of_a_private_sequence_only_what_is_safe_stays():
    dataset = one_slice()
    outer = dataset.private_block(0x2005, "Philips MR Imaging DD 005", create=True)
    item = Dataset()
    item.PatientName = FAMILY
    inner = item.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
    inner.add_new(0x0E, "FL", 2.0)
    inner.add_new(0x11, "LO", FAMILY)
    outer.add_new(0x0F, "SQ", [item])
    new, _ = cleaned(dataset)
    inside = new[0x2005100F].value[0]
    assert [int(e.tag) for e in inside] == [0x20050010, 0x2005100E]


@pytest.mark.parametrize(
    "syntax",
    [
        ExplicitVRBigEndian,
        ImplicitVRLittleEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
    ],
)
def test_pixels_and_transfer_syntax_stay_byte_for_byte(syntax):
    start = ExplicitVRBigEndian if syntax == ExplicitVRBigEndian else "1.2.840.10008.1.2.1"
    dataset = one_slice(TransferSyntaxUID=start)
    plant_in(dataset)
    if syntax == RLELossless:
        dataset.compress(RLELossless)
    elif syntax != start:
        dataset.file_meta.TransferSyntaxUID = syntax
    implicit = syntax == ImplicitVRLittleEndian
    new, got = cleaned(dataset, None) if not implicit else _implicit(dataset)
    assert new.file_meta.TransferSyntaxUID == syntax
    assert bytes(new.get_item("PixelData").value) == dataset.PixelData
    if syntax != DeflatedExplicitVRLittleEndian:
        assert traces(got.content) == []
    assert got.content[:132] == b"\0" * 128 + b"DICM"


def _implicit(dataset):
    data = as_bytes(dataset, implicit_vr=True, little_endian=True)
    got = deidentify_bytes(data, SECRET, Options(), Limits())
    assert isinstance(got, Instance), got
    return instance.dataset_of(got.content, Limits()), got


def test_the_file_header_is_our_own():
    dataset = one_slice()
    dataset.file_meta.SourceApplicationEntityTitle = "KUNIGUNDE"
    dataset.file_meta.PrivateInformationCreatorUID = "1.2.3"
    dataset.file_meta.PrivateInformation = FAMILY.encode()
    dataset.preamble = FAMILY.encode().ljust(128, b"!")
    new, got = cleaned(dataset)
    assert traces(got.content) == []
    assert "PrivateInformation" not in new.file_meta
    assert new.file_meta.ImplementationVersionName == "MARROWLIGHT"


@pytest.mark.parametrize("hidden", ["BodyPartExamined", "SequenceName", "ReceiveCoilName"])
def test_a_name_where_no_rule_looks_is_emptied(hidden):
    dataset = one_slice()
    plant_in(dataset)
    setattr(dataset, hidden, GIVEN.upper())
    new, got = cleaned(dataset)
    assert got.scrubbed == 1
    assert not new.get(hidden)


def test_what_cannot_be_cleaned_is_not_kept(monkeypatch):
    monkeypatch.setattr(instance, "_empty", lambda dataset, path: None)
    dataset = one_slice()
    plant_in(dataset)
    dataset.SequenceName = FAMILY
    got = deidentify_bytes(as_bytes(dataset), SECRET, Options(), Limits())
    assert isinstance(got, LeftOut)
    assert got.fault
    assert FAMILY not in got.reason


def test_pictures_and_documents_are_left_out_and_told(exam, tmp_path, capsys):
    folder = tmp_path / "mixed"
    shutil.copytree(exam.fluid, folder)
    (folder / "scan.nii").write_bytes((exam.folder / "truth" / "bones.nii.gz").read_bytes())
    screen = one_slice(SOPClassUID="1.2.840.10008.5.1.4.1.1.7", ImageType=["DERIVED", "SECONDARY"])
    screen.file_meta.MediaStorageSOPClassUID = screen.SOPClassUID
    report = base({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11", "SeriesInstanceUID": "1.2.9"})
    document = base({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.1"})
    shown = one_slice(BurnedInAnnotation="YES")
    for name, one in (("a", screen), ("b", report), ("c", document), ("d", shown)):
        (folder / f"{name}.dcm").write_bytes(as_bytes(one))
    seen = run_cli(capsys, "deidentify", folder, "-o", tmp_path / "out", "--json")
    assert seen.code == 0, seen.err
    record = json.loads(seen.out)
    told = {one["reason"]: one["files"] for one in record["left_out"]}
    assert sum(told.values()) == 5
    for word in ("screenshot", "structured report", "encapsulated", "burned", "NIfTI"):
        assert any(word in reason for reason in told), told
    assert record["files"] == len(list(exam.fluid.iterdir()))
    assert "not promised" in record["warnings"][-1]
    # On request the pictures are written, with a warning; the documents never are.
    run = run_cli(capsys, "deidentify", folder, "-o", tmp_path / "all", "--burned-in", "--json")
    record = json.loads(run.out)
    assert record["files"] == len(list(exam.fluid.iterdir())) + 2
    assert {"code": "burned-in", "files": 2} in record["cautions"]


def test_a_head_a_derived_image_and_an_overlay_are_told():
    dataset = one_slice(BodyPartExamined="BRAIN", ImageType=["DERIVED", "PRIMARY", "M"])
    plant_in(dataset)
    _, got = cleaned(dataset)
    assert set(got.cautions) == {"face", "maybe-burned-in", "overlay"}
    _, plain = cleaned(one_slice(BodyPartExamined="KNEE"))
    assert plain.cautions == ()
    _, nameless = cleaned(one_slice(PatientID="", PatientName=""))
    assert nameless.cautions == ("no-patient",)


def test_one_bad_file_stops_no_other_and_is_named_without_the_name(planted, tmp_path, capsys):
    bad = planted.fluid / f"{FAMILY}_{PATIENT_ID}_{GIVEN}.dcm"
    bad.write_bytes(next(planted.fluid.glob("*.dcm")).read_bytes()[:3000])
    (planted.fluid / "notes.dcm").write_text("no DICOM at all")
    out = tmp_path / "out"
    seen = run_cli(capsys, "deidentify", planted.fluid, "-o", out)
    assert seen.code == 3
    assert "2 file(s) were not written" in seen.err
    assert "notes.dcm" in seen.err
    assert "***_***_***.dcm" in seen.err
    assert traces((seen.out + seen.err).encode()) == []
    assert traces_in(out) == {}
    assert len(list(out.rglob("*.dcm"))) == len(list(planted.fluid.iterdir())) - 2


def test_the_name_of_a_damaged_file_is_masked_by_its_own_header(tmp_path, capsys):
    dataset = one_slice()
    plant_in(dataset)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / f"{FAMILY}.dcm").write_bytes(as_bytes(dataset)[:-200])
    seen = run_cli(capsys, "deidentify", folder, "-o", tmp_path / "out")
    assert seen.code == 3
    assert "***.dcm: is cut off" in seen.err
    assert traces(seen.err.encode()) == []


def test_a_zip_of_two_patients(exam, tmp_path):
    archive = tmp_path / "both.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for n, path in enumerate(sorted(exam.fluid.iterdir())):
            dataset = pydicom.dcmread(path)
            if n % 2:
                dataset.PatientID, dataset.StudyInstanceUID = "OTHER-1", "1.2.3.4"
                dataset.SeriesInstanceUID = "1.2.3.4.5"
            file.writestr(f"deep/{path.name}", as_bytes(dataset))
    done = ml.deidentify(archive, out=tmp_path / "out")
    assert done.patients == 2
    folders = [one.folder for one in done.series]
    assert [f[:3] for f in folders] == ["001", "002"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [*folders, "deidentified.json"]


def test_the_folder_is_whole_or_as_it_was(exam, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    assert run_cli(capsys, "deidentify", exam.fluid, "-o", out, "--overwrite").code == 1
    (out / "mine.txt").unlink()
    assert run_cli(capsys, "deidentify", exam.fluid, "-o", out).code == 0
    assert run_cli(capsys, "deidentify", exam.fluid, "-o", out).code == 1
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("marrowlight.privacy.output.write_synced", full)
        seen = run_cli(capsys, "deidentify", exam.fluid, "-o", out, "--overwrite")
    assert seen.code == 1
    assert "disk is full" in seen.err
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before
    assert run_cli(capsys, "deidentify", exam.fluid, "-o", out, "--overwrite").code == 0
    assert len(list(out.glob("0*"))) == 1


def test_nothing_to_do_is_an_error(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("x")
    seen = run_cli(capsys, "deidentify", tmp_path / "in", "-o", tmp_path / "out")
    assert seen.code == 3
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("depth", [30, 3000])
def test_deep_sequences_end_well(depth):
    """Nested further than anything real: cleaned, or refused; never a crash."""
    head = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * depth
    dataset = one_slice()
    plant_in(dataset)
    del dataset.ReferencedImageSequence
    data = as_bytes(dataset)
    at = data.index(b"\x08\x00\x30\x11") if b"\x08\x00\x30\x11" in data else data.index(b"\x10\x00")
    tail = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0" * depth
    got = deidentify_bytes(data[:at] + head + tail + data[at:], SECRET, Options(), Limits())
    assert isinstance(got, LeftOut) or traces(got.content) == []


def test_damaged_bytes_never_end_in_a_crash():
    dataset = one_slice()
    plant_in(dataset)
    data = as_bytes(dataset)
    random = np.random.default_rng(7)
    ends = Counter()
    for _ in range(150):
        spoilt = bytearray(data)
        for at in random.integers(132, 2600, random.integers(1, 6)):
            spoilt[at] = random.integers(0, 256)
        got = deidentify_bytes(bytes(spoilt), SECRET, Options(), Limits())
        ends[type(got).__name__] += 1
        if isinstance(got, Instance) and FAMILY.encode() in got.content:
            # A flipped letter makes another name of it; the rest must still be gone.
            assert FAMILY.encode() not in spoilt
    assert ends["Instance"] > 20
    assert ends["LeftOut"] > 5


def test_real_scans_keep_pixels_geometry_and_form(data, tmp_path):
    """One file of every scanner: no error that dciodvfy did not see before, the same pixels."""
    for folder in sorted((data / "dicom").iterdir()):
        path = next(p for p in sorted(folder.rglob("*")) if p.is_file())
        got = deidentify_bytes(path.read_bytes(), SECRET, Options(), Limits())
        assert isinstance(got, Instance), folder.name
        old, new = pydicom.dcmread(path), instance.dataset_of(got.content, Limits())
        assert bytes(new.get_item("PixelData").value) == old.PixelData
        assert new.file_meta.TransferSyntaxUID == old.file_meta.TransferSyntaxUID
        for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
            assert new.get(name) == old.get(name)
        if shutil.which("dciodvfy"):
            after = tmp_path / "after.dcm"
            after.write_bytes(got.content)
            assert not errors_of(after) - errors_of(path), folder.name


def errors_of(path):
    """Errors that dciodvfy tells, without the values."""
    run = subprocess.run(
        ["dciodvfy", str(path)], capture_output=True, text=True, errors="replace", check=False
    )
    lines = (run.stdout + run.stderr).splitlines()
    return Counter(line.split(" - <")[0] for line in lines if line.startswith("Error"))


def test_python_says_what_is_wrong(tmp_path, exam):
    with pytest.raises(ml.errors.UsageError):
        ml.deidentify(out=tmp_path / "out")
    with pytest.raises(ml.errors.UsageError):
        ml.deidentify(exam.fluid, out=tmp_path / "out", new_secret=True)


def test_the_date_of_birth_is_gone_even_where_it_was_a_date():
    dataset = one_slice()
    plant_in(dataset)
    dataset.ContentDate = BORN  # By mistake; it is moved like any other.
    new, _ = cleaned(dataset)
    assert new.PatientBirthDate == ""
    assert BORN not in (new.ContentDate, new.StudyDate)
