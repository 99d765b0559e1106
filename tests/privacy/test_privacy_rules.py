"""The parts of de-identification: table, words, secret, dates, ages."""

import stat
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.tag import Tag
from pydicom.uid import UID

from marrowlight.errors import OutputExists, UsageError
from marrowlight.privacy.descriptors import _read_as, clean_words
from marrowlight.privacy.profile import profile_code, rules
from marrowlight.privacy.secret import Secret, one_time_secret, secret_from
from marrowlight.privacy.values import cut_age, is_plain, shifted
from marrowlight.study.redact import date_words, masked, name_words
from marrowlight.study.words import plain

BASIC_PROFILE = {
    "AccessionNumber": "Z", "PatientName": "Z", "PatientID": "Z/D", "PatientBirthDate": "Z",
    "PatientSex": "Z", "PatientAge": "X", "PatientAddress": "X", "InstitutionName": "X/Z/D",
    "InstitutionAddress": "X", "ReferringPhysicianName": "Z", "OperatorsName": "X/Z/D",
    "StudyDescription": "X", "SeriesDescription": "X", "StudyInstanceUID": "U",
    "FrameOfReferenceUID": "U", "ReferencedSOPInstanceUID": "U", "StudyDate": "Z",
    "AcquisitionDate": "X/Z", "AcquisitionDateTime": "X/Z/D", "DeviceSerialNumber": "X/Z/D",
    "ProtocolName": "X/D", "ContrastBolusAgent": "Z/D", "AcquisitionContextSequence": "X/Z",
    "SourceImageSequence": "X/Z/U*", "ContentSequence": "D", "DeviceUID": "U", "StationName":
    "X/Z/D", "ImageComments": "X", "Modality": "", "PixelSpacing": "",
}  # fmt: skip
"""Rows of DICOM PS3.15 2026c Table E.1-1, read in the standard."""


@pytest.mark.parametrize(("keyword", "code"), BASIC_PROFILE.items())
def test_the_table_of_the_library_is_that_of_the_standard(keyword, code):
    tag = Tag(keyword)
    assert profile_code(tag.group, tag.element) == code


def test_the_table_knows_curves_and_overlays_of_every_number():
    assert profile_code(0x5004, 0x0010) == "X"
    assert profile_code(0x6002, 0x3000) == "X"


def test_every_rule_names_attributes_that_exist():
    own = rules()
    for keyword in (own.words | own.technical | own.characteristics | own.device | own.dummy
                    | own.empty | own.classes):  # fmt: skip
        assert Tag(keyword)


NAMES = (
    "t2_tse_dixon_sag_W Mueller", "Kniegelenk links STIR cor", "PD TSE FS KNIE LI",
    "Sag DESS 3132 30 HiRes thk1p5 ARCx2", "cubequant T1rho", "左膝T2压脂 王小明", "t1 KM ohne KM",
    "AX T1 POST GD", "fat Meier sat", "sagt2fs01", "diz sag t2", "hemi-L stir", "3 plane loc",
    "T2W_SPAIR hüfte bds. Dr. Meier 12.03.1970", "IRM genou droit T1 sans injection",
)  # fmt: skip
WORDS = st.sampled_from([w for name in NAMES for w in plain(name).split()])
LETTERS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Z"]), max_size=9)


@pytest.mark.parametrize("name", NAMES)
def test_a_cleaned_description_is_read_the_same(name):
    assert _read_as(plain(clean_words(name))) == _read_as(plain(name))


@given(st.lists(WORDS | LETTERS, max_size=7))
def test_any_cleaned_description_is_read_the_same(parts):
    text = " ".join(parts)
    shown = clean_words(text)
    assert _read_as(plain(shown)) == _read_as(plain(text))


@given(st.lists(WORDS, max_size=4), st.text("bcdfghjkmnpqrstvwxyz", min_size=5, max_size=9))
def test_a_word_that_no_pattern_knows_never_passes(parts, unknown):
    name = f"qz{unknown}"
    for text in (f"{name} {' '.join(parts)}", f"knie{name}", f"{name}stir"):
        assert name not in clean_words(text)


def test_the_patients_own_name_never_passes_even_where_it_is_a_word_of_the_trade():
    assert clean_words("Herz knee STIR", {"herz"}) == "knee stir"
    assert clean_words("Mueller 1970 DOB", ()) == ""


def test_a_secret_file_is_made_once_and_for_its_owner_alone(tmp_path):
    path = tmp_path / "key"
    made = secret_from(path, make=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert secret_from(path) == made
    assert made.key.decode() not in repr(made)
    with pytest.raises(OutputExists):
        secret_from(path, make=True)
    with pytest.raises(UsageError):
        secret_from(tmp_path / "none")
    (tmp_path / "short").write_text("abc")
    with pytest.raises(UsageError):
        secret_from(tmp_path / "short")


def test_pseudonyms_follow_from_the_secret_alone():
    one, same, other = Secret(b"k" * 32), Secret(b"k" * 32), one_time_secret()
    assert one.uid("1.2.3") == same.uid("1.2.3") != other.uid("1.2.3")
    assert one.pseudonym("p") == same.pseudonym("p") != one.pseudonym("q")
    assert UID(one.uid("1.2.3")).is_valid
    assert 1 <= one.days("p") <= 3650


@given(st.dates(min_value=date(1910, 1, 1)), st.integers(1, 3650))
def test_dates_keep_their_distance(day, days):
    text = f"{day:%Y%m%d}"
    moved = shifted(text, days)
    assert shifted(text + "235959.5", days) == moved + "235959.5"
    assert datetime.strptime(moved, "%Y%m%d").date() + timedelta(days=days) == day


@pytest.mark.parametrize("text", ["", "***", "2019", "201902", "20191340", "00010101", "x20190101"])
def test_what_is_no_full_date_is_emptied(text):
    assert shifted(text, 10) == ""


def test_an_offset_from_utc_tells_a_region_and_goes():
    assert shifted("20190228101112.25+0100", 1) == "20190227101112.25"


@pytest.mark.parametrize(
    ("age", "shown"), [("089Y", "089Y"), ("090Y", "090Y"), ("101Y", "090Y"), ("003M", "003M"),
                       ("old", "")],
)  # fmt: skip
def test_ages_above_89_are_one_group(age, shown):
    assert cut_age(age) == shown


def test_text_under_the_name_of_a_number_is_seen():
    assert is_plain("DS", b"1.5\\-2e3 ")
    assert not is_plain("DS", b"Meier")
    assert is_plain("CS", b"ORIGINAL\\PRIMARY ")
    assert not is_plain("CS", b"a text that is far longer than a code")
    assert not is_plain("TM", b"noon")


def test_names_are_taken_apart_and_masked_in_every_form():
    words = name_words("Müller^Änne=王^小明=おう^しょうめい")
    assert {"müller", "muller", "änne", "小明", "しょうめい"} <= words
    shown = masked("MULLER_Müller_ÄNNE_1970-01-31 小明", words | date_words("19700131"))
    assert shown == "***_***_***_*** ***"
    assert masked("Annette in Annaberg", name_words("Anna")) == "Annette in Annaberg"
