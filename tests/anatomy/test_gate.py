"""Which joint is read, and when nothing is."""

import pytest

from marrowlight.anatomy.gate import decide_joint
from marrowlight.errors import NotThisJoint
from marrowlight.study.study import Joint
from tests.anatomy.made_knee import JOINTS, a_study


def shares(**known):
    rest = (1 - sum(known.values())) / (len(JOINTS) - len(known))
    return {j: known.get(j.value, rest) for j in JOINTS}


def test_the_named_joint_is_read_when_the_images_look_like_it():
    assert decide_joint(a_study(joint=Joint.KNEE), shares(knee=0.9)) is Joint.KNEE


def test_a_joint_that_nobody_named_is_found():
    assert decide_joint(a_study(joint=Joint.UNKNOWN), shares(ankle=0.8)) is Joint.ANKLE


def test_another_joint_than_the_named_one_is_refused_with_the_shares():
    with pytest.raises(NotThisJoint, match=r"named knee.*sacroiliac 0\.95"):
        decide_joint(a_study(joint=Joint.KNEE), shares(sacroiliac=0.95))


@pytest.mark.parametrize("named", [Joint.KNEE, Joint.UNKNOWN])
def test_what_is_no_joint_is_refused_whatever_was_named(named):
    with pytest.raises(NotThisJoint, match=r"no joint that is read here.*other 0\.90"):
        decide_joint(a_study(joint=named), shares(other=0.9))


def test_an_unclear_image_is_refused_unless_named():
    unclear = shares(knee=0.52, hip=0.35)
    with pytest.raises(NotThisJoint, match="No joint can be told"):
        decide_joint(a_study(joint=Joint.UNKNOWN), unclear)
    assert decide_joint(a_study(joint=Joint.KNEE), unclear) is Joint.KNEE
