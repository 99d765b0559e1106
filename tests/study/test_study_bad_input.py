"""Bad input: a clear error that names the file, what was found and what to do; nothing is lost."""

from __future__ import annotations

import gzip
import io
import os
import stat
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels import get_decoder
from pydicom.sequence import Sequence
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from study_files import (
    STIR_TAGS,
    T1_TAGS,
    base,
    oblique_grid,
    picture,
    pixels_of,
    save,
    slice_sets,
    write_nifti,
    write_series,
)

from marrowlight.errors import (
    BadVoxels,
    InputError,
    LimitExceeded,
    MixedPatients,
    NoFluidSensitiveSeries,
    NoImages,
    NotThisJoint,
    UnreadableFile,
    UsageError,
)
from marrowlight.study.joint import require_joint
from marrowlight.study.limits import Limits
from marrowlight.study.open import open_study
from marrowlight.study.parse import parse
from marrowlight.study.study import Study

MIB = 1024 * 1024
LARGER = oblique_grid((64, 48, 5))
"""JPEG 2000 needs more than a few pixels."""


def codes(study: Study) -> list[str]:
    return [n.code for n in study.notices]


def test_an_empty_folder_holds_no_images(tmp_path: Path) -> None:
    with pytest.raises(NoImages, match="No MR image was found in 0 files"):
        open_study(tmp_path)


def test_a_path_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoImages, match="nowhere"):
        open_study(tmp_path / "nowhere")


def test_nothing_named_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        open_study()


def test_files_that_are_no_images_are_counted_by_kind(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    (tmp_path / "b.txt").write_text("hello")
    (tmp_path / "c.pdf").write_bytes(b"%PDF-1.7")
    with pytest.raises(NoImages, match=r"(?s)in 3 files.*2 x no image \(txt\)"):
        open_study(tmp_path)


def test_only_a_localiser_is_no_image_and_says_so(tmp_path: Path) -> None:
    write_series(tmp_path, SeriesDescription="Localizer 3-plane")
    with pytest.raises(NoImages, match=r"1 x a localiser|6 x a localiser"):
        open_study(tmp_path)


def test_only_t1_opens_and_has_no_primary_series(tmp_path: Path) -> None:
    write_series(tmp_path, **T1_TAGS, InversionTime=None)
    study = open_study(tmp_path)
    assert [s.role.value for s in study.series] == ["t1"]
    with pytest.raises(NoFluidSensitiveSeries, match="s1 t1"):
        _ = study.primary


def test_text_renamed_to_dcm_alone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "scan.dcm").write_text("this is no scan " * 50)
    with pytest.raises(InputError, match=r"is called DICOM and holds text"):
        open_study(tmp_path)


def test_text_renamed_to_dcm_among_good_files_is_noted(tmp_path: Path) -> None:
    write_series(tmp_path)
    (tmp_path / "scan.dcm").write_text("this is no scan " * 50)
    study = open_study(tmp_path)
    assert "read-in-part" in codes(study)
    assert any(a.name == "scan.dcm" for a in study.set_aside)


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.95])
def test_a_truncated_slice_of_the_primary_series_is_refused(tmp_path: Path, keep: float) -> None:
    paths = write_series(tmp_path)
    whole = paths[3].read_bytes()
    paths[3].write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(InputError, match=r"IM0003|missing: 1 between slice 3 and 4"):
        open_study(tmp_path)


def test_a_truncated_slice_of_another_series_is_noted(tmp_path: Path) -> None:
    write_series(tmp_path / "stir")
    paths = write_series(tmp_path / "t1", **T1_TAGS, InversionTime=None)
    paths[0].write_bytes(paths[0].read_bytes()[:-100])
    study = open_study(tmp_path)
    assert [s.role.value for s in study.series] == ["stir"]
    assert "read-in-part" in codes(study)
    told = " ".join(n.text for n in study.notices)
    assert "IM0000 (is cut off: 540 of 640 bytes" in told
    assert "Series T1 was not read" in told


def test_a_truncated_nifti_is_refused_by_name(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "stir.nii.gz", picture(), oblique_grid())
    write_nifti(tmp_path / "t1w.nii.gz", picture(), oblique_grid())
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(UnreadableFile, match=r"stir.nii.gz is cut off"):
        open_study(tmp_path)


def test_a_broken_series_is_not_silently_replaced_by_the_next_best(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "stir")
    write_series(tmp_path / "pdfs", SeriesDescription="PD FS", InversionTime=None, EchoTime=30.0,
                 ScanningSequence="SE")  # fmt: skip
    paths[2].unlink()
    with pytest.raises(InputError, match="Slices are missing"):
        open_study(tmp_path)


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless, RLELossless])
def test_compressed_pixels_come_back_equal(tmp_path: Path, syntax: str) -> None:
    plain = slice_sets(picture(LARGER.shape), LARGER, **STIR_TAGS)
    save(plain, tmp_path / "plain")
    for one in plain:
        one.compress(syntax, generate_instance_uid=False)
    save(plain, tmp_path / "packed")
    expected = open_study(tmp_path / "plain").primary.volume
    found = open_study(tmp_path / "packed").primary.volume
    np.testing.assert_array_equal(found.voxels, expected.voxels)
    assert found.grid.matches(expected.grid, 1e-9)


def test_jpeg_lossless_pixels_come_back_equal(tmp_path: Path) -> None:
    """The most common compression of archives, encoded here by another library."""
    import SimpleITK

    voxels = np.abs(picture(LARGER.shape))
    sets = slice_sets(voxels, LARGER, **STIR_TAGS)
    for k, one in enumerate(sets):
        writer = SimpleITK.ImageFileWriter()
        writer.SetFileName(str(tmp_path / "one.dcm"))
        writer.UseCompressionOn()
        writer.SetCompressor("JPEG")
        writer.Execute(SimpleITK.GetImageFromArray(voxels[:, :, k].T))
        packed = dcmread(tmp_path / "one.dcm")
        assert packed.file_meta.TransferSyntaxUID == JPEGLosslessSV1
        one.file_meta.TransferSyntaxUID = JPEGLosslessSV1
        one.PixelData = packed.PixelData
        one["PixelData"].VR, one["PixelData"].is_undefined_length = "OB", True
    save(sets, tmp_path / "exam")
    found = open_study(tmp_path / "exam").primary.volume
    np.testing.assert_array_equal(np.sort(found.voxels, None), np.sort(voxels, None))


@pytest.mark.parametrize(
    "syntax",
    [JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1, JPEGLSLossless,
     JPEGLSNearLossless, JPEG2000Lossless, JPEG2000, HTJ2KLossless, RLELossless],
)  # fmt: skip
def test_every_common_compression_has_a_decoder(syntax: UID) -> None:
    assert get_decoder(syntax).is_available


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless, RLELossless])
@pytest.mark.parametrize("where", ["header", "body"])
def test_corrupt_compressed_pixels_are_refused_by_name(
    tmp_path: Path, syntax: str, where: str
) -> None:
    sets = slice_sets(picture(LARGER.shape), LARGER, **STIR_TAGS)
    for one in sets:
        one.compress(syntax, generate_instance_uid=False)
    paths = save(sets, tmp_path)
    data = bytearray(paths[2].read_bytes())
    start = data.rindex(b"\xfe\xff\x00\xe0") + 8
    where_to = start + (0 if where == "header" else 40)
    data[where_to : where_to + 60] = b"\x13" * 60
    paths[2].write_bytes(bytes(data))
    # A lossless stream has no checksum: a decoder may give other pixels, never other sizes.
    try:
        found = open_study(tmp_path).primary.volume.grid.shape
        message = "" if where == "body" and found == LARGER.shape else "not refused"
    except InputError as error:
        message = str(error)
    assert message == "" or "IM0002" in message


def test_big_endian_files_come_back_equal(tmp_path: Path) -> None:
    sets = slice_sets(picture(), oblique_grid(), TransferSyntaxUID=ExplicitVRBigEndian, **STIR_TAGS)
    save(sets, tmp_path)
    voxels = open_study(tmp_path).primary.volume.voxels
    np.testing.assert_array_equal(np.sort(voxels, None), np.sort(picture(), None))


def test_nan_and_constant_images_are_refused(tmp_path: Path) -> None:
    values = picture().astype(np.float32)
    values[3, 3, 3] = np.nan
    write_nifti(tmp_path / "nan" / "stir.nii.gz", values, oblique_grid())
    with pytest.raises(BadVoxels, match="1 of 1920 voxels"):
        open_study(tmp_path / "nan")
    flat = np.full((20, 16, 6), 700, np.int16)
    write_nifti(tmp_path / "flat" / "stir.nii.gz", flat, oblique_grid())
    with pytest.raises(BadVoxels, match="same value"):
        open_study(tmp_path / "flat")


def test_two_patients_are_refused_and_not_named(tmp_path: Path) -> None:
    write_series(tmp_path / "a", PatientID="secret-1")
    write_series(tmp_path / "b", PatientID="secret-2")
    with pytest.raises(MixedPatients) as caught:
        open_study(tmp_path)
    assert "2 different patient ids" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_head_opens_and_is_no_joint(tmp_path: Path) -> None:
    write_series(tmp_path, BodyPartExamined="HEAD")
    study = open_study(tmp_path)
    with pytest.raises(NotThisJoint, match="BodyPartExamined has 'head'"):
        require_joint(study)


def test_another_visit_is_set_aside(tmp_path: Path) -> None:
    write_series(tmp_path / "now")
    write_series(tmp_path / "then", **T1_TAGS, InversionTime=None, StudyDate="20200101")
    study = open_study(tmp_path)
    assert [s.role.value for s in study.series] == ["stir"]
    assert "several-visits" in codes(study)
    assert "2020" not in " ".join(n.text for n in study.notices)


# Hostile files: declared sizes, nesting and archives.


def test_giant_declared_dimensions_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    one = slice_sets(picture(), oblique_grid(), **STIR_TAGS)[0]
    one.Rows = one.Columns = 65535
    save([one], tmp_path)
    with pytest.raises(LimitExceeded, match=r"declares 65535x65535 pixels.*limit is 1024 MiB"):
        open_study(tmp_path, limits=Limits(image_bytes=1024 * MIB))


def test_sizes_beyond_the_file_are_refused(tmp_path: Path) -> None:
    one = slice_sets(picture(), oblique_grid(), **STIR_TAGS)[0]
    one.Rows = 4000
    save([one], tmp_path)
    with pytest.raises(UnreadableFile, match="is cut off: 640 of 160000 bytes"):
        open_study(tmp_path)


def test_giant_nifti_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "stir.nii", picture(), oblique_grid())
    data = bytearray(path.read_bytes())
    data[42:48] = struct.pack("<3h", 32000, 32000, 32000)
    path.unlink()
    (tmp_path / "stir.nii.gz").write_bytes(gzip.compress(bytes(data)))
    with pytest.raises(LimitExceeded, match="declares 32000x32000x32000 voxels"):
        open_study(tmp_path)


def test_a_compressed_picture_larger_than_its_header_says_never_reaches_the_decoder(
    tmp_path: Path,
) -> None:
    sets = slice_sets(picture(LARGER.shape), LARGER, **STIR_TAGS)
    for one in sets:
        one.compress(JPEG2000Lossless, generate_instance_uid=False)
    paths = save(sets, tmp_path)
    data = bytearray(paths[0].read_bytes())
    size = data.index(b"\xff\x4f\xff\x51") + 8
    data[size : size + 8] = struct.pack(">2I", 60000, 60000)
    paths[0].write_bytes(bytes(data))
    with pytest.raises(UnreadableFile, match=r"frame 1 says 60000x60000, the header 48x64"):
        open_study(tmp_path)


def test_deep_nesting_is_our_error(tmp_path: Path) -> None:
    one = slice_sets(picture(), oblique_grid(), **STIR_TAGS)[0]
    save([one], tmp_path)
    # Undefined-length sequences, each inside the other, written by hand.
    opened = b"\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    path = tmp_path / "IM0000"
    data = path.read_bytes()
    at = data.index(b"\x08\x00\x16\x00UI")
    path.write_bytes(data[:at] + opened * 20000 + data[at:])
    with pytest.raises(InputError, match="IM0000"):
        open_study(tmp_path)


def test_a_deflate_bomb_is_stopped(tmp_path: Path) -> None:
    import zlib

    one = base(STIR_TAGS, "1.2.840.10008.1.2.1.99")
    one.save_as(tmp_path / "bomb", enforce_file_format=True)
    data = (tmp_path / "bomb").read_bytes()
    start = 132 + 12 + struct.unpack("<I", data[140:144])[0]
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(b"\0" * (64 * MIB)) + packer.flush()
    (tmp_path / "bomb").write_bytes(data[:start] + body)
    with pytest.raises(LimitExceeded, match="unpacks to more than 16 MiB"):
        open_study(tmp_path, limits=Limits(image_bytes=16 * MIB))


def test_a_study_in_a_zip_archive_opens(tmp_path: Path) -> None:
    write_series(tmp_path / "exam" / "deep")
    with zipfile.ZipFile(tmp_path / "exam.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in (tmp_path / "exam" / "deep").iterdir():
            archive.write(path, f"exam/{path.name}")
    study = open_study(tmp_path / "exam.zip")
    assert study.primary.volume.grid.shape == (20, 16, 6)
    assert study.primary.sources[0].startswith(f"{tmp_path / 'exam.zip'}!exam/IM")


def test_a_zip_bomb_is_refused_unopened(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("stir.nii", b"\0" * (40 * MIB))
    with pytest.raises(InputError, match=r"unpacks to \d+ times its size"):
        open_study(tmp_path / "bomb.zip")


def test_an_archive_in_an_archive_is_not_opened(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("stir.nii", b"\0")
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.writestr("inner.zip", inner.getvalue())
    with pytest.raises(NoImages, match="archive inside an archive is not opened"):
        open_study(tmp_path / "outer.zip")


def test_links_and_paths_that_leave_an_archive_are_not_followed(tmp_path: Path) -> None:
    write_series(tmp_path / "exam")
    (tmp_path / "secret.nii").write_text("secret")
    with zipfile.ZipFile(tmp_path / "exam.zip", "w") as archive:
        for path in (tmp_path / "exam").iterdir():
            archive.write(path, path.name)
        link = zipfile.ZipInfo("link.nii")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "../secret.nii")
        archive.writestr("../../escape.nii", b"n+1")
    study = open_study(tmp_path / "exam.zip")
    reasons = " ".join(a.reason for a in study.set_aside)
    assert "links are not followed" in reasons
    assert "points outside of its archive" in reasons
    assert not (tmp_path.parent / "escape.nii").exists()


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "exam.zip").write_bytes(b"PK\x03\x04" + b"\x07" * 500)
    with pytest.raises(InputError, match=r"damaged zip archive"):
        open_study(tmp_path / "exam.zip")


def test_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    write_series(tmp_path)
    os.mkfifo(tmp_path / "pipe.dcm")
    assert len(open_study(tmp_path).series) == 1


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    write_series(tmp_path)
    with pytest.raises(LimitExceeded, match="more than 3 files"):
        open_study(tmp_path, limits=Limits(files=3))


def test_parsing_leaves_no_dicom_object_behind(tmp_path: Path) -> None:
    write_series(tmp_path)
    parsed = parse([tmp_path])
    for one in parsed.slices:
        assert type(one.pixels) is np.ndarray
        assert one.pixels.flags.owndata or one.pixels.base is not None
        assert {type(v) for v in one.tags.values()} <= {str, float}


def test_secondary_captures_colour_and_other_modalities_are_set_aside(tmp_path: Path) -> None:
    write_series(tmp_path / "stir")
    shot = base({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "Modality": "MR"})
    pixels_of(shot, np.zeros((4, 4), np.int16))
    ct = base({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "Modality": "CT"})
    pixels_of(ct, np.zeros((4, 4), np.int16))
    report = base({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.33", "Modality": "SR"})
    save([shot, ct, report], tmp_path / "other")
    reasons = [a.reason for a in open_study(tmp_path).set_aside]
    assert "secondary capture (a screenshot)" in reasons
    assert "no MR image (CT)" in reasons
    assert "a structured report" in reasons


def test_derived_maps_phase_images_and_mosaics_are_set_aside(tmp_path: Path) -> None:
    write_series(tmp_path / "stir")
    for n, kind in enumerate(("ADC", "P", "MOSAIC", "T2MAP")):
        write_series(tmp_path / kind, ImageType=["DERIVED", "PRIMARY", kind], seed=n)
    study = open_study(tmp_path)
    assert len(study.series) == 1
    assert len(study.set_aside) == 4


def test_no_message_of_a_damaged_file_quotes_its_patient(tmp_path: Path) -> None:
    paths = write_series(tmp_path, PatientName="Secret^Person", PatientID="777-secret")
    for path in paths:
        path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(InputError) as caught:
        open_study(tmp_path)
    assert "ecret" not in str(caught.value).replace(str(tmp_path), "")


def test_a_sequence_item_of_garbage_is_our_error(tmp_path: Path) -> None:
    one = base({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4.1", **STIR_TAGS})
    one.PerFrameFunctionalGroupsSequence = Sequence([Dataset()])
    one.NumberOfFrames = 5
    pixels_of(one, np.ones((5, 4, 4), np.int16))
    save([one], tmp_path)
    with pytest.raises(UnreadableFile, match="declares 5 frames and describes 1"):
        open_study(tmp_path)
    assert dcmread(tmp_path / "IM0000") is not None


def test_odd_names_and_loops_of_links_do_no_harm(tmp_path: Path) -> None:
    write_series(tmp_path)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "up").symlink_to(tmp_path, target_is_directory=True)
    evil = os.fsencode(tmp_path) + b"/\x1b[31mred\xff.dcm"
    with open(evil, "wb") as file:  # noqa: PTH123
        file.write(b"this is text")
    study = open_study(tmp_path, isolate=True)
    assert len(study.series) == 1
    shown = " ".join([*(n.text for n in study.notices), *(a.name for a in study.set_aside)])
    assert "red" in shown
    assert "\x1b" not in shown
    shown.encode("utf-8")


def test_a_folder_that_cannot_be_listed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_series(tmp_path / "a")
    (tmp_path / "b").mkdir()
    listing = Path.iterdir

    def guarded(self: Path) -> object:
        if self.name == "b":
            raise PermissionError(13, "Permission denied")
        return listing(self)

    monkeypatch.setattr(Path, "iterdir", guarded)
    study = open_study(tmp_path)
    assert any("b (is a folder that cannot be opened)" in n.text for n in study.notices)


def test_a_cd_with_its_index_and_viewer_is_read_in_full(tmp_path: Path) -> None:
    write_series(tmp_path / "disc" / "DICOM")
    index = base({"SOPClassUID": "1.2.840.10008.1.3.10"})
    for key in list(index.keys()):
        del index[key]
    index.FileSetID = "DISC"
    index.DirectoryRecordSequence = Sequence([])
    index.save_as(tmp_path / "disc" / "DICOMDIR", enforce_file_format=False)
    (tmp_path / "disc" / "VIEWER.EXE").write_bytes(b"MZ" + bytes(500))
    study = open_study(tmp_path / "disc")
    assert study.primary.volume.grid.shape == (20, 16, 6)
    assert {a.reason for a in study.set_aside} == {"a DICOMDIR index", "no image (exe)"}
    assert "read-in-part" not in codes(study)


def test_dicom_without_its_preamble_is_read(tmp_path: Path) -> None:
    for n, one in enumerate(slice_sets(picture(), oblique_grid(), **STIR_TAGS)):
        one.preamble = None
        del one.file_meta
        one.save_as(tmp_path / f"{n}", implicit_vr=True, little_endian=True)
    assert open_study(tmp_path).primary.volume.grid.shape == (20, 16, 6)


def test_bytes_that_only_look_like_dicom_are_no_damage(tmp_path: Path) -> None:
    write_series(tmp_path)
    (tmp_path / "cache.bin").write_bytes(b"\x08\x00\x05\x00CS\x00\x00" + bytes(900))
    assert "read-in-part" not in codes(open_study(tmp_path))
