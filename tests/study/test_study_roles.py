"""What an image is, which joint and side it shows, and which series edema is read on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from study_files import (
    STIR_TAGS,
    T1_TAGS,
    enhanced_set,
    oblique_grid,
    picture,
    save,
    slice_sets,
    write_nifti,
    write_series,
)

from marrowlight.errors import NoImages, UsageError
from marrowlight.study.body_words import joint_of_name, side_of_name
from marrowlight.study.candidate import Candidate
from marrowlight.study.fat import Fat, subcutaneous_fat
from marrowlight.study.grid import Grid
from marrowlight.study.inspect import describe
from marrowlight.study.open import open_study
from marrowlight.study.role import find_role
from marrowlight.study.series import Plane, Role
from marrowlight.study.study import Joint, Side
from marrowlight.study.volume import Volume

SE = {"ScanningSequence": "SE"}


def role_of(**tags: Any) -> Role:
    return find_role(Candidate("x", None, tags, ("a",))).role


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("sag_stir", "stir"), ("t2_tirm_cor", "stir"), ("STIR_longTE", "stir"),
        ("T2w_TSE_FS", "t2fs"), ("t2_tse_fs_tra", "t2fs"), ("T2 SPAIR", "t2fs"),
        ("AX T2 FSE FAT SAT", "t2fs"), ("T2_fettges", "t2fs"), ("T2 TSE Fettsättigung", "t2fs"),
        ("T2 SAT GRAISSE", "t2fs"), ("T2 sat. grasa", "t2fs"), ("T2 sat grasso", "t2fs"),
        ("T2 sat gordura", "t2fs"), ("T2 vetsuppressie", "t2fs"), ("T2 yağ baskılı", "t2fs"),
        ("T2压脂", "t2fs"), ("矢状T2脂肪抑制", "t2fs"),
        ("PD_FS_SAG", "pdfs"), ("pdfs", "pdfs"), ("PDW_SPAIR", "pdfs"), ("DP FS", "pdfs"),
        ("IW TSE fs", "pdfs"), ("Proton density fat-sat", "pdfs"), ("プロトン脂肪抑制", "pdfs"),
        ("t1_tse_cor", "t1"), ("T1w", "t1"), ("eT1W_SE", "t1"), ("T1加权", "t1"),
        ("t2_tse_sag", "t2"), ("T2W_TSE", "t2"), ("pd_tse", "pd"),
        ("t2_tse_dixon_sag_W", "dixon_water"), ("PD mDIXON water", "dixon_water"),
        ("t2_tse_dixon_F", "other"), ("t1_tse_dixon_W", "other"), ("t1_tse_dixon_in", "t1"),
        ("t1_tse_fs_km", "contrast"), ("T1 post Gd", "contrast"), ("T1 FS ohne KM", "other"),
        ("sag DESS", "gre_fs"), ("qDESS we", "gre_fs"), ("cubequant T1rho", "gre_fs"),
        ("dwi_ep2d", "other"), ("sub-01_acq-stir_T2w", "stir"), ("sub-01_T1w", "t1"),
        ("sub-01_acq-fs_PDw", "pdfs"),
    ],
)  # fmt: skip
def test_names_in_many_languages(name: str, role: str) -> None:
    assert role_of(SeriesDescription=name) == role
    file = Candidate("x", None, {}, (f"/somewhere/{name}.nii.gz",), nifti=True)
    assert find_role(file).role == role


@pytest.mark.parametrize(
    ("tags", "role"),
    [
        ({**SE, "EchoTime": 30.0, "RepetitionTime": 4000.0, "InversionTime": 150.0}, Role.STIR),
        ({"ScanningSequence": "GR", "EchoTime": 3.0, "InversionTime": 200.0}, Role.OTHER),
        ({**SE, "EchoTime": 70.0, "RepetitionTime": 4000.0, "ScanOptions": "FS"}, Role.T2_FS),
        ({**SE, "EchoTime": 35.0, "RepetitionTime": 3000.0, "ScanOptions": "PFP\\FS"}, Role.PD_FS),
        ({**SE, "EchoTime": 35.0, "RepetitionTime": 3000.0,
          "SpectrallySelectedSuppression": "FAT"}, Role.PD_FS),
        ({**SE, "EchoTime": 12.0, "RepetitionTime": 600.0}, Role.T1),
        ({**SE, "EchoTime": 90.0, "RepetitionTime": 4000.0}, Role.T2),
        ({**SE, "EchoTime": 20.0, "RepetitionTime": 3000.0}, Role.PD),
        ({**SE, "EchoTime": 12.0, "RepetitionTime": 600.0, "ContrastBolusAgent": "Gadovist"},
         Role.CONTRAST),
        ({**SE, "EchoTime": 12.0, "RepetitionTime": 600.0, "ContrastBolusAgent": "none"}, Role.T1),
        ({"ImageType": "DERIVED\\PRIMARY\\DIXON\\WATER", **SE, "EchoTime": 60.0,
          "RepetitionTime": 4000.0}, Role.DIXON_WATER),
        ({"ScanningSequence": "GR", "EchoTime": 4.0, "ScanOptions": "FS"}, Role.OTHER),
        ({"ScanningSequence": "GR", "EchoTime": 15.0, "ScanOptions": "FS"}, Role.GRE_FS),
        ({}, Role.OTHER),
    ],
)  # fmt: skip
def test_tags_alone(tags: dict[str, Any], role: Role) -> None:
    assert role_of(**tags) is role


def test_evidence_and_the_warning_about_gradient_echo() -> None:
    found = find_role(Candidate("x", None, {**STIR_TAGS, "ScanningSequence": "SE\\IR"}, ("a",)))
    assert "TI 180 ms" in found.evidence
    assert "name has 'stir'" in found.evidence
    found = find_role(Candidate("x", None, {"SeriesDescription": "DESS"}, ("a",)))
    assert [n.code for n in found.notices] == ["gradient-echo-under-reads"]


def limb(fat: float, muscle: float, marrow: float) -> Volume:
    """A round limb of 100 mm: skin, 10 mm of fat, muscle, a bone, in air."""
    i, j = np.indices((160, 160)) - 80.0
    radius = np.hypot(i, j)
    flat = np.full((160, 160), 5.0)
    for outer, value in ((51, 300.0), (49, fat), (39, muscle), (12, marrow)):
        flat[radius < outer] = value
    noise = np.random.default_rng(0).normal(0, 4, (160, 160, 8))
    return Volume((flat[..., None] + noise).astype(np.float32), Grid((160, 160, 8), np.eye(4)))


def test_the_image_itself_tells_whether_fat_is_dark() -> None:
    assert subcutaneous_fat(limb(fat=60, muscle=250, marrow=60)) is Fat.DARK
    assert subcutaneous_fat(limb(fat=800, muscle=250, marrow=700)) is Fat.BRIGHT
    full = Volume(np.full((64, 64, 8), 300, np.float32), Grid((64, 64, 8), np.eye(4)))
    assert subcutaneous_fat(full) is Fat.UNCLEAR


def test_the_image_decides_where_tags_are_silent_and_contradicts_where_they_are_wrong() -> None:
    pd = {**SE, "EchoTime": 30.0, "RepetitionTime": 3000.0}
    dark, bright = limb(60, 250, 60), limb(800, 250, 700)
    found = find_role(Candidate("x", dark, pd, ("a",)))
    assert found.role is Role.PD_FS
    assert [n.code for n in found.notices] == ["fat-suppression-from-image"]
    found = find_role(Candidate("x", bright, {**pd, "ScanOptions": "FS"}, ("a",)))
    assert found.role is Role.PD_FS
    assert [n.code for n in found.notices] == ["fat-not-dark"]


@pytest.mark.parametrize(
    ("name", "joint"),
    [
        ("MRT Knie rechts", "knee"), ("IRM du genou gauche", "knee"), ("RM rodilla", "knee"),
        ("RM ginocchio dx", "knee"), ("joelho esq", "knee"), ("sol diz MR", "knee"),
        ("左膝关节", "knee"), ("LKNEE", "knee"), ("Hüfte bds", "hip"), ("hanche", "hip"),
        ("femoral head AVN", "hip"), ("股関節", "hip"), ("OSG links", "ankle"),
        ("cheville", "ankle"), ("SIJ", "sacroiliac"), ("ISG", "sacroiliac"),
        ("Sacro-iliaques", "sacroiliac"), ("BRAIN", "other"), ("LWS lumbar spine", "other"),
        ("Schädel", "other"),
    ],
)  # fmt: skip
def test_joints_in_many_languages(name: str, joint: str) -> None:
    found = joint_of_name(name)
    assert found is not None
    assert found[0] == joint


@pytest.mark.parametrize("name", ["t2 sag fs", "PELVIS", "foot", "series 5", ""])
def test_names_that_name_no_joint(name: str) -> None:
    assert joint_of_name(name) is None


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("Knie rechts", "right"), ("knee left", "left"), ("genou gauche", "left"),
        ("LKNEE", "left"),
        ("KNEE R", "right"), ("R KNEE", "right"), ("ginocchio dx", "right"), ("sağ diz", "right"),
        ("sol diz", "left"), ("右膝", "right"), ("sub-01_hemi-L_T2w", "left"),
    ],
)  # fmt: skip
def test_sides_in_many_languages(name: str, side: str) -> None:
    found = side_of_name(name)
    assert found is not None
    assert found == side


@pytest.mark.parametrize("name", ["knee sag t2", "both left and right knee", "dx: pain", "RT", ""])
def test_names_that_name_no_side(name: str) -> None:
    assert side_of_name(name) is None


def at_x(x_mm: float) -> Grid:
    return oblique_grid((20, 16, 6), (3.0, 3.0, 4.0), (0, 0, 0), (x_mm - 10, 0, 0))


def test_the_position_tells_the_side_where_no_tag_does(tmp_path: Path) -> None:
    write_series(tmp_path, grid=at_x(70))
    study = open_study(tmp_path)
    assert (study.joint, study.side) == (Joint.KNEE, Side.RIGHT)
    assert "70 mm right" in study.side_evidence[0]
    assert "side-from-position" in [n.code for n in study.notices]


def test_an_unknown_side_is_legal(tmp_path: Path) -> None:
    write_series(tmp_path, grid=at_x(0))
    assert open_study(tmp_path).side is Side.UNKNOWN


def test_a_tag_and_a_position_that_disagree_are_told(tmp_path: Path) -> None:
    write_series(tmp_path, grid=at_x(70), Laterality="L")
    study = open_study(tmp_path)
    assert study.side is Side.LEFT
    assert any(n.code == "side-disagrees" and "right" in n.text for n in study.notices)


def test_the_user_overrides_joint_and_side_and_is_told_of_the_difference(tmp_path: Path) -> None:
    write_series(tmp_path, grid=at_x(70), Laterality="R")
    study = open_study(tmp_path, joint=Joint.HIP, side=Side.LEFT)
    assert (study.joint, study.side) == (Joint.HIP, Side.LEFT)
    assert study.joint_evidence[0] == study.side_evidence[0] == "given by the user"
    assert {"joint-disagrees", "side-disagrees"} <= {n.code for n in study.notices}


def test_a_sacroiliac_field_across_the_midline_is_midline(tmp_path: Path) -> None:
    affine = np.array([[-5.0, 0, 0, 60], [0, 0, 4, 0], [0, 5, 0, 0], [0, 0, 0, 1]])
    write_nifti(tmp_path / "stir.nii.gz", picture((25, 16, 6)), Grid((25, 16, 6), affine))
    study = open_study(tmp_path, joint=Joint.SACROILIAC)
    assert study.side is Side.MIDLINE


def planes(tmp_path: Path, **kinds: dict[str, Any]) -> None:
    """One series per name, in the plane that the name begins with."""
    turns = {"sag": np.eye(3), "cor": np.eye(3)[[2, 0, 1]], "tra": np.eye(3)[[1, 2, 0]]}
    for n, (name, tags) in enumerate(kinds.items()):
        grid = at_x(70)
        affine = grid.affine.copy()
        affine[:3, :3] = turns[name[:3]] @ affine[:3, :3]
        sets = slice_sets(picture(grid.shape, n), Grid(grid.shape, affine),
                          BodyPartExamined="KNEE", **tags)  # fmt: skip
        save(sets, tmp_path / name)


PD_FS: dict[str, Any] = {"SeriesDescription": "PD FS", **SE, "EchoTime": 30.0,
                         "RepetitionTime": 3000.0}  # fmt: skip


def test_of_several_fluid_sensitive_series_one_is_primary_and_the_reason_said(
    tmp_path: Path,
) -> None:
    planes(tmp_path, cor_a=PD_FS, sag_b=PD_FS, tra_c=PD_FS)
    study = open_study(tmp_path)
    assert study.primary.plane is Plane.SAGITTAL
    assert study.primary_reason == (
        "3 series are fluid-sensitive; s1 was chosen: it is sagittal, the plane in which a knee is "
        "usually scored"
    )
    assert len(study.fluid_sensitive()) == 3


def test_spin_echo_comes_before_gradient_echo_whatever_its_plane(tmp_path: Path) -> None:
    dess = {"SeriesDescription": "DESS we", "ScanningSequence": "GR", "EchoTime": 5.0}
    planes(tmp_path, cor_a=PD_FS, sag_b=dess)
    assert open_study(tmp_path).primary.role is Role.PD_FS


def test_the_t1_of_the_primary_plane_is_the_first_t1(tmp_path: Path) -> None:
    t1 = {k: v for k, v in T1_TAGS.items() if k != "BodyPartExamined"}
    planes(tmp_path, cor_a=t1, sag_b=t1, sag_c=PD_FS)
    first = open_study(tmp_path).first(Role.T1)
    assert first is not None
    assert first.plane is Plane.SAGITTAL


def test_the_user_says_what_a_file_is_and_that_counts(tmp_path: Path) -> None:
    a = write_nifti(tmp_path / "scan_a.nii.gz", picture(), oblique_grid())
    b = write_nifti(tmp_path / "scan_b.nii.gz", picture(seed=1), oblique_grid())
    write_nifti(tmp_path / "stir.nii.gz", picture(seed=2), oblique_grid())
    study = open_study(tmp_path, series=[("pdfs", a), ("t1", b)])
    assert study.primary.description == "scan_a"
    assert study.primary.role_evidence == ("given by the user",)
    assert "named by the user" in study.primary_reason
    assert open_study(series={"t2fs": str(a)}).primary.role is Role.T2_FS


def test_a_role_or_file_that_cannot_be_is_refused(tmp_path: Path) -> None:
    a = write_nifti(tmp_path / "a.nii.gz", picture(), oblique_grid())
    with pytest.raises(UsageError, match="'flair' is no role"):
        open_study(series=[("flair", a)])
    (tmp_path / "b.txt").write_text("x")
    with pytest.raises(NoImages, match=r"b.txt no image"):
        open_study(series=[("stir", a), ("t1", tmp_path / "b.txt")])


def test_a_bids_sidecar_tells_what_the_name_does_not(tmp_path: Path) -> None:
    write_nifti(tmp_path / "scan.nii.gz", picture(), oblique_grid())
    told = {"EchoTime": 0.03, "RepetitionTime": 4.0, "InversionTime": 0.18,
            "ScanningSequence": "SE_IR", "BodyPartExamined": "ANKLE"}  # fmt: skip
    (tmp_path / "scan.json").write_text(json.dumps(told))
    study = open_study(tmp_path)
    assert (study.primary.role, study.joint) == (Role.STIR, Joint.ANKLE)
    assert study.primary.sequence["te_ms"] == pytest.approx(30)


def test_label_maps_beside_images_are_set_aside(tmp_path: Path) -> None:
    write_nifti(tmp_path / "stir.nii.gz", picture(), oblique_grid())
    mask = (picture() > 2000).astype(np.uint16)
    write_nifti(tmp_path / "reader_R11.nii.gz", mask, oblique_grid())
    write_nifti(tmp_path / "reader_R12.nii.gz", mask * 0, oblique_grid())
    probability = np.random.default_rng(0).random((20, 16, 6)).astype(np.float32)
    write_nifti(tmp_path / "edema_probability.nii.gz", probability, oblique_grid())
    study = open_study(tmp_path)
    assert [s.description for s in study.series] == ["stir"]
    assert {a.name: a.reason.split("(")[0].strip() for a in study.set_aside} == {
        "reader_R11.nii.gz": "a label map",
        "reader_R12.nii.gz": "an empty label map",
        "edema_probability.nii.gz": "a probability map",
    }
    assert "read-in-part" not in [n.code for n in study.notices]


def test_what_inspect_shows_is_json_and_names_nobody(tmp_path: Path) -> None:
    write_series(tmp_path, PatientName="Secret^Person", PatientID="secret-7")
    study = open_study(tmp_path)
    text = json.dumps(describe(study))
    assert "ecret" not in text
    assert "20260101" not in text
    assert study.identity == {"patient_id": "secret-7", "study_date": "20260101"}
    found = json.loads(text)
    assert found["primary"]["id"] == found["series"][0]["id"] == "s1"
    assert found["series"][0]["use"] == "primary: edema is read on it"
    assert study.primary.uids["sop"]


def test_an_enhanced_object_tells_by_its_functional_groups(tmp_path: Path) -> None:
    one = enhanced_set(picture(), oblique_grid(), list(range(6)), SeriesDescription="sag 1",
                       EchoPulseSequence="SPIN")  # fmt: skip
    shared = one.SharedFunctionalGroupsSequence[0]
    timing, modifier, anatomy, region = Dataset(), Dataset(), Dataset(), Dataset()
    timing.RepetitionTime = 3500.0
    modifier.SpectrallySelectedSuppression = "FAT"
    region.CodeMeaning = "Ankle joint"
    anatomy.FrameLaterality = "L"
    anatomy.AnatomicRegionSequence = Sequence([region])
    shared.MRTimingAndRelatedParametersSequence = Sequence([timing])
    shared.MRModifierSequence = Sequence([modifier])
    shared.FrameAnatomySequence = Sequence([anatomy])
    save([one], tmp_path)
    study = open_study(tmp_path)
    assert study.primary.role is Role.PD_FS
    assert study.primary.sequence["te_ms"] == 40.0
    assert (study.joint, study.side) == (Joint.ANKLE, Side.LEFT)
    assert study.joint_evidence == ("AnatomicRegion has 'ankle'",)


def test_dixon_images_of_one_series_are_split_and_the_water_is_read(tmp_path: Path) -> None:
    uid = {"SeriesInstanceUID": "1.2.9", "StudyInstanceUID": "1.2.8"}
    for n, kind in enumerate(("W", "F", "IN_PHASE", "OUT_PHASE")):
        save(slice_sets(picture(seed=n), oblique_grid(), SeriesDescription="t2_tse_dixon_sag",
                        ImageType=["DERIVED", "PRIMARY", "M", kind], **SE, EchoTime=60.0,
                        RepetitionTime=4000.0, **uid), tmp_path, kind)  # fmt: skip
    study = open_study(tmp_path)
    assert study.primary.role is Role.DIXON_WATER
    assert "M W" in study.primary.description
    assert sorted(s.role.value for s in study.series) == ["dixon_water", "other", "other", "t2"]
