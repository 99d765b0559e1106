"""Hostile files that went round a check, or that fuzzing found: refused by name, before harm."""

from __future__ import annotations

import json
import math
import struct
import time
import tracemalloc
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.sequence import Sequence
from pydicom.uid import JPEG2000Lossless
from study_files import (
    STIR_TAGS,
    base,
    enhanced_set,
    oblique_grid,
    picture,
    save,
    slice_sets,
    write_nifti,
    write_series,
)

from marrowlight.errors import BadMask, GeometryError, InputError, LimitExceeded, UnreadableFile
from marrowlight.study.codestream import declared_size
from marrowlight.study.gather import gather
from marrowlight.study.grid import Grid
from marrowlight.study.limits import Limits
from marrowlight.study.maskfile import read_mask
from marrowlight.study.nifti_file import read_sidecar
from marrowlight.study.open import open_study
from marrowlight.study.parse import parse

MIB = 1024 * 1024
LARGER = oblique_grid((64, 48, 5))
ITEM, ITEM_END, END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"
UNDEFINED = b"\xff\xff\xff\xff"
SQ = b"\x08\x00\x40\x11SQ\x00\x00"


def reason(path: Path, **limits: Any) -> str:
    """Why a file gave no image."""
    skipped = parse([path], Limits(**limits)).skipped
    assert [s.file for s in skipped] == [str(path)]
    return f"{skipped[0].fault}: {skipped[0].reason}"


def one_slice(folder: Path, **tags: Any) -> Path:
    return save(slice_sets(picture(), oblique_grid(), **{**STIR_TAGS, **tags})[:1], folder)[0]


def put_before(path: Path, element: bytes) -> Path:
    """Put bytes before the first element of the data set."""
    data = path.read_bytes()
    at = data.index(b"\x08\x00\x08\x00CS")
    path.write_bytes(data[:at] + element + data[at:])
    return path


# Nesting and numbers of elements.


@pytest.mark.parametrize("deep", [31, 32, 33, 100, 300, 100_000])
@pytest.mark.parametrize("closed", [True, False])
def test_sequences_without_a_length_nest_to_a_chosen_depth(
    tmp_path: Path, deep: int, closed: bool
) -> None:
    opened = (SQ + UNDEFINED + ITEM + UNDEFINED) * deep
    ends = (ITEM_END + bytes(4) + END + bytes(4)) * deep if closed else b""
    path = put_before(one_slice(tmp_path), opened + ends)
    if closed and deep <= 32:
        assert len(parse([path]).slices) == 1
    elif deep > 32:
        assert reason(path) == "LimitExceeded: nests sequences more than 32 deep"
    else:
        assert "UnreadableFile" in reason(path)


@pytest.mark.parametrize("kind", [b"SQ", b"UN"])
@pytest.mark.parametrize("deep", [32, 33, 1500])
def test_sequences_with_a_length_nest_to_the_same_depth(
    tmp_path: Path, deep: int, kind: bytes
) -> None:
    inner = b""
    for _ in range(deep):
        inner = ITEM + struct.pack("<L", len(inner)) + inner
        inner = b"\x08\x00\x40\x11" + kind + b"\0\0" + struct.pack("<L", len(inner)) + inner
    path = put_before(one_slice(tmp_path), inner)
    if deep <= 32:
        assert len(parse([path]).slices) == 1
    else:
        assert reason(path) == "LimitExceeded: nests sequences more than 32 deep"


def test_depth_is_seen_behind_a_sequence_of_garbage(tmp_path: Path) -> None:
    """Found by fuzzing: a broken item led the walk out of the sequence, past what came after it."""
    garbage = ITEM + struct.pack("<L", 4) + b"\xb7\x72\xb7\x75" + b"\xff" * 52
    broken = SQ + struct.pack("<L", len(garbage)) + garbage
    opened = b"\x09\x00\x10\x10SQ\x00\x00" + UNDEFINED + ITEM + UNDEFINED
    path = put_before(one_slice(tmp_path), broken + opened * 100)
    assert reason(path) == "LimitExceeded: nests sequences more than 32 deep"


def test_implicit_and_big_endian_files_nest_no_deeper(tmp_path: Path) -> None:
    opened = (b"\x08\x00\x40\x11" + UNDEFINED + ITEM + UNDEFINED) * 50
    one = slice_sets(picture(), oblique_grid(), **STIR_TAGS)[0]
    one.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
    path = tmp_path / "implicit"
    one.save_as(path, enforce_file_format=True)
    data = path.read_bytes()
    at = data.index(b"\x08\x00\x08\x00")
    path.write_bytes(data[:at] + opened + data[at:])
    assert "more than 32 deep" in reason(path)
    big = slice_sets(
        picture(), oblique_grid(), TransferSyntaxUID="1.2.840.10008.1.2.2", **STIR_TAGS
    )
    path = save(big[:1], tmp_path, "big")[0]
    data = path.read_bytes()
    at = data.index(b"\x00\x08\x00\x08CS")
    opened = b"\x00\x08\x11\x40SQ\0\0" + UNDEFINED + b"\xff\xfe\xe0\x00" + UNDEFINED
    path.write_bytes(data[:at] + opened * 50 + data[at:])
    assert "more than 32 deep" in reason(path)


def test_a_million_empty_items_never_become_objects(tmp_path: Path) -> None:
    items = (ITEM + bytes(4)) * 1_100_000
    path = put_before(one_slice(tmp_path), SQ + struct.pack("<L", len(items)) + items)
    start = time.process_time()
    assert reason(path) == "LimitExceeded: holds more than 1000000 elements"
    assert time.process_time() - start < 10


def test_a_sound_enhanced_image_is_far_from_the_limits(tmp_path: Path) -> None:
    grid = oblique_grid((6, 5, 40))
    save([enhanced_set(picture(grid.shape), grid, list(range(40)), **STIR_TAGS)], tmp_path)
    assert len(parse([tmp_path], Limits(depth=2, elements=40 * 15)).slices) == 40


# Pixels.


def test_a_deflated_file_without_its_preamble_is_stopped_too(tmp_path: Path) -> None:
    one = base(STIR_TAGS, "1.2.840.10008.1.2.1.99")
    one.save_as(tmp_path / "bomb.dcm", enforce_file_format=True)
    data = (tmp_path / "bomb.dcm").read_bytes()
    start = 132 + 12 + struct.unpack("<I", data[140:144])[0]
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(b"\0" * (512 * MIB)) + packer.flush()
    for head in (data[:start], data[132:start]):
        (tmp_path / "bomb.dcm").write_bytes(head + body)
        tracemalloc.start()
        assert "LimitExceeded: unpacks to more than" in reason(tmp_path / "bomb.dcm")
        assert tracemalloc.get_traced_memory()[1] < 400 * MIB
        tracemalloc.stop()


def test_several_values_for_a_pixel_are_refused(tmp_path: Path) -> None:
    one = slice_sets(picture(), oblique_grid(), **STIR_TAGS)[0]
    one.SamplesPerPixel = 60000
    path = save([one], tmp_path)[0]
    assert "holds 60000 values for each pixel" in reason(path)


def test_frames_without_a_position_are_refused_before_they_are_counted_out(tmp_path: Path) -> None:
    one = slice_sets(picture(), oblique_grid(), **STIR_TAGS)[0]
    one.NumberOfFrames, one.Rows, one.Columns = 2**31 - 1, 1, 1
    path = save([one], tmp_path)[0]
    tracemalloc.start()
    assert "no position for each" in reason(path)
    assert tracemalloc.get_traced_memory()[1] < 50 * MIB
    tracemalloc.stop()


def test_floating_pixels_are_measured_before_they_are_read(tmp_path: Path) -> None:
    one = slice_sets(picture(), oblique_grid(), **STIR_TAGS)[0]
    del one.PixelData
    one.BitsAllocated = 32
    one.FloatPixelData = np.zeros(16 * 20, "<f4").tobytes()
    path = save([one], tmp_path)[0]
    assert parse([path]).slices[0].pixels.dtype == np.float32
    one.Rows = one.Columns = 60000
    path = save([one], tmp_path, "B")[0]
    assert "LimitExceeded: declares 60000x60000" in reason(path)
    one.Rows = 4000
    path = save([one], tmp_path, "C")[0]
    assert "LimitExceeded" in reason(path, image_bytes=100 * MIB)
    assert "UnreadableFile: is cut off" in reason(path)


def packed_slice(folder: Path) -> tuple[Dataset, bytes]:
    """A slice in JPEG 2000, and its stream with a size of 60000x60000."""
    one = slice_sets(picture(LARGER.shape), LARGER, **STIR_TAGS)[0]
    one.compress(JPEG2000Lossless, generate_instance_uid=False)
    data = one.PixelData
    stream = bytearray(data[data.index(b"\xff\x4f\xff\x51") :])
    stream[8:16] = struct.pack(">2I", 60000, 60000)
    return one, bytes(stream)


def test_an_extended_offset_table_leads_no_decoder_elsewhere(tmp_path: Path) -> None:
    one, giant = packed_slice(tmp_path)
    sound = next(iter(dcmread_frames(one)))
    # Two frames: the basic table names the sound one, the extended table the other.
    body, offsets, lengths = encapsulate_extended([sound, giant])
    one.PixelData = body
    one.ExtendedOffsetTable, one.ExtendedOffsetTableLengths = offsets[8:16], lengths[8:16]
    path = save([one], tmp_path)[0]
    assert "frame 1 says 60000x60000, the header 48x64" in reason(path)


def dcmread_frames(one: Dataset) -> Any:
    from pydicom.encaps import generate_frames

    return generate_frames(one.PixelData, number_of_frames=1)


def test_a_box_before_the_stream_says_no_size(tmp_path: Path) -> None:
    one, giant = packed_slice(tmp_path)
    sound = next(iter(dcmread_frames(one)))
    head = struct.pack(">L", 12) + b"jP  \r\n\x87\n"
    decoy = struct.pack(">L", 8 + len(sound)) + b"uuid" + sound
    boxes = head + decoy + struct.pack(">L", 8 + len(giant)) + b"jp2c" + giant
    assert declared_size(sound) == (48, 64, 1)
    assert declared_size(boxes) == (60000, 60000, 1)
    one.PixelData = encapsulate([boxes])
    path = save([one], tmp_path)[0]
    assert "frame 1 says 60000x60000" in reason(path)


def test_a_stream_of_sixteen_thousand_components_is_refused(tmp_path: Path) -> None:
    one, _ = packed_slice(tmp_path)
    at = one.PixelData.index(b"\xff\x4f\xff\x51") + 40
    one.PixelData = one.PixelData[:at] + struct.pack(">H", 16384) + one.PixelData[at + 2 :]
    path = save([one], tmp_path)[0]
    assert "frame 1 says 48x64 with 16384 values each, the header 48x64" in reason(path)


def test_a_stream_that_says_no_size_or_is_too_long_is_refused(tmp_path: Path) -> None:
    one, _ = packed_slice(tmp_path)
    one.PixelData = encapsulate([b"\x00" * 4000])
    path = save([one], tmp_path)[0]
    assert "frame 1 says nothing of its size" in reason(path)
    one.PixelData = encapsulate([b"\x00" * (2 * MIB)])
    path = save([one], tmp_path)[0]
    assert "frame 1 takes 2097152 bytes, unpacked 6144" in reason(path)


# Masks.


def seg(frames: int, places: list[float], **values: Any) -> Dataset:
    """A binary SEG by hand with a frame at each place along its normal, mm."""
    one = base({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.66.4", "Modality": "SEG"})
    one.Rows, one.Columns, one.NumberOfFrames = 64, 64, frames
    one.SamplesPerPixel, one.PhotometricInterpretation, one.PixelRepresentation = (
        1,
        "MONOCHROME2",
        0,
    )
    one.BitsAllocated, one.BitsStored, one.HighBit = 1, 1, 0
    one.SegmentationType = "BINARY"
    one.PixelData = b"\xff" * (frames * 64 * 64 // 8)
    segment, shared, turn, measures = Dataset(), Dataset(), Dataset(), Dataset()
    segment.SegmentNumber, segment.SegmentLabel = 1, "femur"
    one.SegmentSequence = Sequence([segment])
    turn.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures.PixelSpacing, measures.SpacingBetweenSlices = [1, 1], values.pop("between", 1)
    shared.PlaneOrientationSequence = Sequence([turn])
    shared.PixelMeasuresSequence = Sequence([measures])
    one.SharedFunctionalGroupsSequence = Sequence([shared])
    groups = []
    for place in places:
        group, plane, number = Dataset(), Dataset(), Dataset()
        plane.ImagePositionPatient = [0, 0, place]
        number.ReferencedSegmentNumber = values.get("segment", 1)
        group.PlanePositionSequence = Sequence([plane])
        group.SegmentIdentificationSequence = Sequence([number])
        groups.append(group)
    one.PerFrameFunctionalGroupsSequence = Sequence(groups)
    return one


def test_frames_of_a_seg_far_apart_take_no_memory(tmp_path: Path) -> None:
    path = save([seg(2, [0.0, 2.0])], tmp_path)[0]
    assert read_mask(path).labels.shape == (64, 64, 3)
    path = save([seg(2, [0.0, 4000.0])], tmp_path, "far")[0]
    with pytest.raises(LimitExceeded, match="so far apart that 4001 of them"):
        read_mask(path, limits=Limits(image_bytes=16 * MIB))
    path = save([seg(2, [0.0, 1.0], between=1e-7)], tmp_path, "thin")[0]
    with pytest.raises(GeometryError):
        read_mask(path)


def test_a_seg_nests_and_unpacks_within_the_limits_of_an_image(tmp_path: Path) -> None:
    path = save([seg(2, [0.0, 1.0])], tmp_path)[0]
    sound = path.read_bytes()
    put_before(path, (SQ + UNDEFINED + ITEM + UNDEFINED) * 50)
    with pytest.raises(LimitExceeded, match="more than 32 deep"):
        read_mask(path)
    path.write_bytes(sound)
    with pytest.raises(LimitExceeded, match="declares 64x64"):
        read_mask(path, limits=Limits(image_bytes=1000))


@pytest.mark.parametrize(
    ("line", "error", "said"),
    [
        ("data file: /etc/passwd", UnreadableFile, "is not followed"),
        ("data file: LIST", UnreadableFile, "is not followed"),
        ("datafile: ../other.raw", UnreadableFile, "is not followed"),
        ("line skip: 3", UnreadableFile, "behind others"),
        ("byteskip: 999999999999", UnreadableFile, "behind others"),
        ("sizes: 99999 99999 99999", LimitExceeded, "declares 99999x99999x99999 voxels"),
        ("sizes: -2 3 4", BadMask, "sizes"),
        ("Segment0_LabelValue:=many", UnreadableFile, "ValueError"),
        ("Segment0_LabelValue:=" + "9" * 5000, UnreadableFile, "ValueError"),
        ("space origin: (1,2)", UnreadableFile, "damaged"),
        ("space directions: (nan,0,0) (0,inf,0) (0,0,1)", GeometryError, "2 directions"),
    ],
)
def test_no_line_of_an_nrrd_header_leads_astray(
    tmp_path: Path, line: str, error: type[InputError], said: str
) -> None:
    field = line.split(":")[0]
    lines = ["NRRD0004", "type: uchar", "dimension: 3", "space: lps", "sizes: 2 3 4",
             "space directions: (1,0,0) (0,1,0) (0,0,1)", "space origin: (0,0,0)",
             "encoding: raw", "Segment0_ID:=a"]  # fmt: skip
    kept = [old for old in lines if old.split(":")[0] != field]
    path = tmp_path / "mask.nrrd"
    path.write_bytes("\n".join([*kept, line, "", ""]).encode() + bytes(24))
    with pytest.raises(error, match=said):
        read_mask(path)


def test_thousands_of_segments_are_not_looked_for(tmp_path: Path) -> None:
    lines = ["NRRD0005", "type: uchar", "dimension: 4", "space: lps", "sizes: 2 8 8 8",
             "space directions: none (1,0,0) (0,1,0) (0,0,1)", "space origin: (0,0,0)",
             "encoding: raw"]  # fmt: skip
    lines += [f"Segment{n}_ID:=s{n}\nSegment{n}_LabelValue:=1" for n in range(3000)]
    path = tmp_path / "mask.seg.nrrd"
    path.write_bytes("\n".join([*lines, "", ""]).encode() + bytes(1024))
    with pytest.raises(LimitExceeded, match="more than 1024 segments"):
        read_mask(path)


# Archives.


def zipped(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytearray:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return bytearray(path.read_bytes())


def test_files_of_an_archive_that_overlap_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "exam.zip"
    data = zipped(path, {f"{n}.nii": bytes(1000) for n in range(3)})
    central = [n for n in range(len(data)) if data[n : n + 4] == b"PK\x01\x02"]
    for at in central[1:]:  # The quoted-overlap bomb: all entries are one.
        data[at + 16 : at + 28] = data[central[0] + 16 : central[0] + 28]
        data[at + 42 : at + 46] = data[central[0] + 42 : central[0] + 46]
    path.write_bytes(data)
    assert reason(path) == "UnreadableFile: is an archive whose files overlap"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_whose_memory_the_archive_chooses_are_not_read(tmp_path: Path, method: int) -> None:
    zipped(tmp_path / "exam.zip", {"stir.nii": bytes(1000)}, method)
    with pytest.raises(InputError, match="packed by a method that is not read"):
        open_study(tmp_path / "exam.zip")


def test_a_directory_larger_than_its_files_need_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "exam.zip"
    zipped(path, {f"{n:060}": b"" for n in range(12_000)})
    assert "LimitExceeded: has a directory of" in reason(path, files=3)
    data = bytearray(zipped(path, {"a": b""}))
    end = data.rindex(b"PK\x05\x06")
    record = b"PK\x06\x06" + struct.pack("<QHHLLQQQQ", 44, 45, 45, 0, 0, 1, 1, 2**40, 0)
    locator = b"PK\x06\x07" + struct.pack("<LQL", 0, end, 1)
    path.write_bytes(data[:end] + record + locator + data[end:])
    assert "LimitExceeded: has a directory of 1048576 MiB" in reason(path)


def test_an_archive_that_lies_of_a_size_gives_no_more_than_it_says(tmp_path: Path) -> None:
    path = tmp_path / "exam.zip"
    data = zipped(path, {"stir.nii": bytes(64 * MIB)})
    for mark, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        place = data.rindex(mark) + at
        data[place : place + 4] = struct.pack("<L", 1000)
    path.write_bytes(data)
    tracemalloc.start()
    for item in gather([path], Limits()):
        with pytest.raises(UnreadableFile, match="cannot be unpacked"):
            item.read()
    assert tracemalloc.get_traced_memory()[1] < 20 * MIB
    tracemalloc.stop()


# What stands beside an image, or would lead away from it.


def test_numbers_of_a_sidecar_are_numbers(tmp_path: Path) -> None:
    said = '{"EchoTime": 1' + "0" * 400 + ', "RepetitionTime": NaN, "FlipAngle": 1e999, "x": 3}'
    assert read_sidecar(said.encode()) == {"x": 3.0}
    for text in ("9" * 5000, "[" * 100_000, '{"a":' * 100_000, '"\\ud800"', "null", "\x00"):
        assert read_sidecar(text.encode()) == {}
    write_nifti(tmp_path / "stir.nii.gz", picture(), oblique_grid())
    (tmp_path / "stir.json").write_text(said)
    assert len(open_study(tmp_path).series) == 1


def test_no_file_leads_to_another(tmp_path: Path) -> None:
    write_series(tmp_path / "exam")
    secret = write_nifti(tmp_path / "secret" / "stir.nii", picture(), oblique_grid())
    (tmp_path / "secret" / "STIR").write_bytes(secret.read_bytes())
    exam = tmp_path / "exam"
    index = base({"SOPClassUID": "1.2.840.10008.1.3.10"})
    record = Dataset()
    record.ReferencedFileID = ["SECRET", "STIR"]
    index.DirectoryRecordSequence = Sequence([record])
    index.save_as(exam / "DICOMDIR", enforce_file_format=False)
    (exam / "scene.mrml").write_text(f'<MRML><Volume fileName="{secret}"/></MRML>')
    (exam / "other.nhdr").write_text(f"NRRD0004\ntype: short\nsizes: 2 2 2\ndata file: {secret}\n")
    head = bytearray(secret.read_bytes()[:348])
    head[344:348] = b"ni1\0"
    (exam / "stir2.hdr").write_bytes(head)
    (exam / "stir2.img").write_bytes(bytes(4000))
    study = open_study(exam)
    assert len(study.series) == 1
    assert all("secret" not in source for one in study.series for source in one.sources)
    with pytest.raises(UnreadableFile, match="not followed"):
        read_mask(exam / "other.nhdr")


# Found by fuzzing.


def test_an_image_a_kilometre_away_is_refused() -> None:
    for affine in (np.diag([1e7, 1, 1, 1]), np.diag([1.0, 1, 1, 1]) + 1e200 * np.eye(4, k=3)):
        with pytest.raises(GeometryError, match="mm away"):
            Grid((2, 2, 2), affine)


# Ten hostile files in one exam: told one by one, and the sound series is read.


def test_an_exam_with_hostile_files_is_read_without_them(tmp_path: Path) -> None:
    write_series(tmp_path / "sound")
    put_before(one_slice(tmp_path / "deep"), (SQ + UNDEFINED + ITEM + UNDEFINED) * 100)
    zipped(tmp_path / "bomb.zip", {"a.dcm": bytes(40 * MIB)})
    write_nifti(tmp_path / "cut.nii", picture(), oblique_grid())
    (tmp_path / "cut.nii").write_bytes((tmp_path / "cut.nii").read_bytes()[:500])
    (tmp_path / "text.dcm").write_text("<script>alert(1)</script>")
    study = open_study(tmp_path)
    assert study.primary.volume.grid.shape == (20, 16, 6)
    told = " ".join(n.text for n in study.notices)
    for name in ("IM0000", "a.dcm", "cut.nii", "text.dcm"):
        assert name in told


def test_a_side_file_of_bones_with_endless_numbers_is_our_error(tmp_path: Path) -> None:
    from marrowlight.side_file import BONES_SCHEMA, labels_beside

    record = {"schema": BONES_SCHEMA, "labels": [{"label": math.inf, "bone": "x", "side": "left"}]}
    (tmp_path / "bones.json").write_text(json.dumps(record))
    with pytest.raises(UnreadableFile, match="side file"):
        labels_beside(tmp_path / "bones.nii.gz")
