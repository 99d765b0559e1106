"""Real images with the shipped weights: what is no knee is never read as one."""

import pytest

from marrowlight.anatomy.find_bones import find_bones
from marrowlight.anatomy.network import shipped_network
from marrowlight.errors import BonesNotFound, NotThisJoint, WeightsError
from marrowlight.study.open import open_study


@pytest.fixture(scope="module")
def network():
    try:
        return shipped_network()
    except WeightsError as missing:
        pytest.skip(f"no bone weights in this installation: {missing.found}")


@pytest.mark.data
@pytest.mark.parametrize(
    "head", ["head_canon", "head_uih", "head_philips_enhanced", "head_siemens_enhanced"]
)
def test_a_head_that_is_named_knee_is_refused(data, network, head):
    study = open_study(data / "dicom" / head, joint="knee")
    with pytest.raises((NotThisJoint, BonesNotFound)):
        find_bones(study, weights=network)


@pytest.mark.data
def test_a_sacroiliac_joint_that_is_named_knee_is_refused(data, network):
    study = open_study(data / "sij" / "1012" / "stir.nii.gz", joint="knee")
    with pytest.raises(NotThisJoint, match="sacroiliac"):
        find_bones(study, weights=network)
