"""Whether a study is worth pulling, from what the server says of it."""

from __future__ import annotations

import pytest

from marrowlight.network.fits import fit_of
from marrowlight.network.header import JsonHeader
from marrowlight.network.holdings import HeldSeries

TAGS = {
    "SeriesDescription": ("0008103E", "LO"), "BodyPartExamined": ("00180015", "CS"),
    "EchoTime": ("00180081", "DS"), "RepetitionTime": ("00180080", "DS"),
    "InversionTime": ("00180082", "DS"), "ScanOptions": ("00180022", "CS"),
    "ScanningSequence": ("00180020", "CS"),
}  # fmt: skip


def header(**values) -> JsonHeader:
    return JsonHeader({TAGS[k][0]: {"vr": TAGS[k][1], "Value": [v]} for k, v in values.items()})


def fit(description="", *series, modality="MR", **full):
    """series : descriptions; full : what the header of an instance says."""
    held = [HeldSeries(f"1.{n}", modality, s, 20, header(SeriesDescription=s))
            for n, s in enumerate(series)]  # fmt: skip
    return fit_of(description, held, lambda uid: header(**full))


@pytest.mark.parametrize(
    ("description", "series"),
    [("MR Kniegelenk links", "PD FS sag"), ("IRM hanche", "COR STIR"), ("ankle", "T2 SPAIR ax"),
     ("MRI SIJ", "cor oblique STIR"), ("", "knee PD FS")],
)  # fmt: skip
def test_a_joint_with_a_fluid_sensitive_series_fits(description, series):
    assert fit(description, "localizer", series).fits


@pytest.mark.parametrize("description", ["MR brain", "MRT Schulter rechts", "cervical spine"])
def test_another_part_of_the_body_does_not(description):
    assert "another part" in fit(description, "STIR").reason


def test_what_is_no_mri_does_not():
    assert fit("knee", "STIR", modality="CT").reason == "it holds no MR images"


def test_what_the_list_leaves_open_the_header_of_an_instance_decides():
    open_ = ("exam", "series 1")
    assert not fit(*open_).fits
    assert not fit(*open_, BodyPartExamined="KNEE").fits
    assert fit(*open_, BodyPartExamined="KNEE", InversionTime=150, ScanningSequence="IR").fits
    assert not fit(*open_, BodyPartExamined="HEAD", InversionTime=150, ScanningSequence="IR").fits


def test_fat_suppression_that_only_the_image_shows_is_left_to_the_image():
    found = fit("knee", "series 1", EchoTime=35, RepetitionTime=3000, ScanningSequence="SE")
    assert found.fits
    assert "perhaps" in found.reason
    assert not fit("knee", "s", EchoTime=12, RepetitionTime=600, ScanningSequence="SE").fits


def test_the_reason_repeats_nothing_that_the_files_say():
    assert "Miller" not in fit("knee Miller", "T1 Miller").reason


@pytest.mark.parametrize(
    "odd",
    [None, [], "x", {"0008103E": None}, {"0008103E": {"Value": 3}}, {"0008103E": {"Value": [{}]}},
     {"00180081": {"vr": "DS", "Value": ["x"]}}, {"00082218": {"vr": "SQ", "Value": ["x"]}}],
)  # fmt: skip
def test_malformed_json_is_as_good_as_absent(odd):
    held = HeldSeries("1.1", "MR", "", None, JsonHeader(odd))
    assert not fit_of("", [held], lambda uid: JsonHeader(odd)).fits
