"""What every test may ask for."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from benchmarks.stamp import data_root

# How long an example takes depends on what else the machine does, not on the code.
settings.register_profile("marrowlight", deadline=None)
settings.load_profile("marrowlight")


@pytest.fixture(scope="session")
def data() -> Path:
    """Folder of real data; skips the test where it is absent."""
    root = data_root()
    if root is None:
        pytest.skip("real test data not found: set MARROWLIGHT_DATA or place ../shared/data")
    return root


@dataclass(frozen=True)
class Exam:
    """A small digital knee on disk: dicom/, nifti/ and truth/."""

    folder: Path

    @property
    def dicom(self) -> Path:
        return self.folder / "dicom"

    @property
    def fluid(self) -> Path:
        return self.folder / "dicom" / "01_pdfs"

    @property
    def nifti(self) -> Path:
        return self.folder / "nifti"

    @property
    def bones(self) -> Path:
        return self.folder / "truth" / "bones.nii.gz"

    @property
    def edema(self) -> Path:
        return self.folder / "truth" / "edema.nii.gz"


@pytest.fixture(scope="session")
def small_exam(tmp_path_factory: pytest.TempPathFactory) -> Exam:
    """A coarse phantom knee, made once; tests must not change it."""
    from marrowlight.phantom.phantom import make_phantom
    from marrowlight.phantom.spec import PhantomSpec
    from marrowlight.phantom.write import write_phantom

    folder = tmp_path_factory.mktemp("phantom")
    return Exam(write_phantom(make_phantom(PhantomSpec(pixel_mm=1.0, slice_mm=4.0)), folder))


@pytest.fixture
def exam(small_exam: Exam, tmp_path: Path) -> Exam:
    """A copy of the small exam that a test may spoil."""
    shutil.copytree(small_exam.folder, tmp_path / "exam")
    return Exam(tmp_path / "exam")
