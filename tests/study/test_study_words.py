"""Joint and side may be given as words."""

import pytest

from marrowlight import Joint, Side, open_study
from marrowlight.errors import UsageError


def test_words_become_the_enums(small_exam):
    study = open_study(small_exam.nifti, joint="knee", side="left")
    assert study.joint is Joint.KNEE
    assert study.side is Side.LEFT


def test_a_word_that_is_none_is_refused(small_exam):
    with pytest.raises(UsageError, match="'elbow' is no joint"):
        open_study(small_exam.nifti, joint="elbow")


def test_a_side_that_is_given_needs_no_word_about_the_position(small_exam):
    guessed = open_study(small_exam.nifti, joint="knee")
    assert [n.code for n in guessed.notices] == ["side-from-position"]
    assert not open_study(small_exam.nifti, joint="knee", side="right").notices
