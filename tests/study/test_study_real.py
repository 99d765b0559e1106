"""Real files of five makers and real sacroiliac joints: opened, or refused in the right words."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from marrowlight.errors import NotThisJoint, SliceError
from marrowlight.study.joint import require_joint
from marrowlight.study.maskfile import read_mask
from marrowlight.study.open import open_study
from marrowlight.study.series import Role
from marrowlight.study.study import Joint, Side

pytestmark = pytest.mark.data

HEADS = ("head_canon", "head_philips_enhanced", "head_siemens_enhanced", "head_uih")


@pytest.mark.parametrize("name", HEADS)
def test_a_head_opens_and_is_refused_as_a_joint(data: Path, name: str) -> None:
    study = open_study(data / "dicom" / name)
    assert study.joint is Joint.OTHER
    assert study.primary_id is None
    with pytest.raises(NotThisJoint):
        require_joint(study)


def test_a_series_at_one_position_is_no_volume(data: Path) -> None:
    with pytest.raises(SliceError, match="All 24 images share one position"):
        open_study(data / "dicom" / "head_philips")


def test_cubequant_is_read_with_a_warning(data: Path) -> None:
    study = open_study(data / "dicom" / "knee_ge_cubequant_fs")
    series = study.primary
    assert series.role is Role.GRE_FS
    assert series.volume.grid.shape == (512, 512, 80)
    assert series.volume.grid.spacing == pytest.approx((0.3125, 0.3125, 1.5), abs=1e-4)
    assert "gradient-echo-under-reads" in [n.code for n in series.notices]
    assert (study.joint, study.side) == (Joint.KNEE, Side.RIGHT)
    assert "side-from-position" in [n.code for n in study.notices]


def test_qdess_is_read_with_a_warning(data: Path) -> None:
    assert open_study(data / "dicom" / "knee_ge_qdess_echo2").primary.role is Role.GRE_FS


def test_eight_echoes_of_one_series_are_split(data: Path) -> None:
    study = open_study(data / "dicom" / "knee_ge_multiecho_bigendian")
    assert len(study.series) == 8
    assert {s.volume.grid.shape for s in study.series} == {(256, 256, 24)}
    assert {s.role for s in study.series} == {Role.PD}
    assert study.joint is Joint.KNEE
    assert all(s.volume.grid.spacing[2] == pytest.approx(4.0, abs=1e-3) for s in study.series)


def test_two_knees_of_nobody_open_together(data: Path) -> None:
    knees = [data / "dicom" / n for n in ("knee_ge_cubequant_fs", "knee_ge_qdess_echo2")]
    assert len(open_study(*knees).fluid_sensitive()) == 2


@pytest.mark.parametrize("subject", ["1003", "1012", "1013", "1016", "2014", "2015"])
def test_a_sacroiliac_subject_opens_with_its_masks_set_aside(data: Path, subject: str) -> None:
    folder = data / "sij" / subject
    study = open_study(folder, joint=Joint.SACROILIAC)
    assert [s.role for s in study.series] == [Role.STIR, Role.T1]
    assert study.side is Side.MIDLINE
    assert len(study.set_aside) == len(list(folder.iterdir())) - 2
    assert all("label map" in a.reason for a in study.set_aside)
    mask = read_mask(folder / "bone.nii.gz", [s.volume.grid for s in study.series])
    assert any(mask.grid is s.volume.grid for s in study.series)


@pytest.fixture(scope="module")
def second_reader() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "geometry_second_reader.py"
    spec = importlib.util.spec_from_file_location("geometry_second_reader", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "name", [*HEADS, "head_philips", "knee_ge_multiecho_bigendian", "knee_ge_qdess_echo2"]
)
def test_dcm2niix_puts_every_voxel_in_the_same_place(
    data: Path, second_reader: ModuleType, name: str
) -> None:
    pytest.importorskip("dcm2niix")
    rows = second_reader.compare(data / "dicom" / name)
    assert rows
    for row in rows:
        if name == "head_philips":
            assert row.result == "exception: All 24 images share one position"
        else:
            assert row.result == "agree", row
            assert row.position_mm <= 0.01
