"""Errors say what was found, where, what was expected and what to do, and survive a process."""

import inspect
import pickle

import pytest

from marrowlight import errors

ALL = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.MarrowlightError)
]


@pytest.mark.parametrize("kind", ALL)
def test_an_error_keeps_its_words_across_a_process(kind):
    error = kind("found this", where="here", expected="that", do="this")
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is kind
    assert str(back) == str(error)
    assert [back.where, back.expected, back.do] == ["here", "that", "this"]


@pytest.mark.parametrize("kind", ALL)
def test_every_error_is_drawn_in_the_tree_with_its_exit_code(kind):
    page = errors.__doc__ or ""
    assert kind.__name__ in page
    assert kind.exit_code in (1, 2, 3)


def test_refused_input_exits_with_3_and_usage_with_2():
    assert errors.GridMismatch("x").exit_code == 3
    assert errors.UsageError("x").exit_code == 2
    assert errors.OutputExists("x").exit_code == 1


def test_the_message_holds_only_what_is_known():
    assert str(errors.BadMask("It is empty.")) == "It is empty."
    full = str(errors.BadMask("It is empty.", where="a.nii", expected="bone", do="look"))
    assert full.splitlines() == [
        "It is empty.", "Where: a.nii", "Expected: bone", "What to do: look",
    ]  # fmt: skip
