"""What identifies a patient, masked where a text or a file name repeats it."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from marrowlight.errors import InputError
from marrowlight.notice import Notice
from marrowlight.study.parsed import Parsed
from marrowlight.study.study import Study
from marrowlight.study.words import plain

MASK = "***"
SHORTEST = 3
LONG = 6
"""Words of at least so many letters are masked inside of longer ones, too; shorter ones alone."""

TITLES = frozenset({
    "prof", "med", "mrs", "miss", "herr", "frau", "von", "van", "der", "den", "del", "dos", "das",
    "the", "and", "anonymous", "anonymized", "patient", "name", "test", "phantom", "knee", "hip",
    "ankle",
})  # fmt: skip
"""Parts of names that tell nobody; joints are what phantoms are called after."""


def name_words(value: str) -> set[str]:
    """The words of a DICOM person name that can tell a person, in all its forms.

    Components (``^``) and groups (``=``: Latin, ideographic, phonetic) are taken apart; each
    word is given as it is written, in lower case, and in plain letters.
    """
    parts = re.split(r"[\^=\s,;/()_.-]+", value.lower())
    return {word for part in parts for word in (part, *plain(part).split()) if _tells(word)}


def id_words(value: str) -> set[str]:
    """An id as it is written, in lower case; empty if it is too short to be told from chance."""
    text = value.strip().lower()
    return {text} if len(re.sub(r"[\W_]+", "", text)) >= SHORTEST else set()


def date_words(value: str) -> set[str]:
    """A date (YYYYMMDD) in the forms in which people write dates into names."""
    found = re.fullmatch(r"(\d{4})(\d{2})(\d{2}).*", value.strip())
    if found is None or found.group(1) < "1900":
        return set()
    y, m, d = found.groups()
    return {y + m + d, *(f"{y}{s}{m}{s}{d}" for s in "-._/"), *(f"{d}{s}{m}{s}{y}" for s in "-._/")}


def masked(text: str, words: Collection[str]) -> str:
    """A text in which every one of the words, in any case and accent, is ``***``."""
    for word in sorted(words, key=len, reverse=True):
        text = _pattern(word).sub(MASK, text)
    return text


def patient_words(parsed: Parsed) -> frozenset[str]:
    """Words that tell the patient or the visit, from the headers of all files."""
    headers = [s.tags for s in parsed.slices] + [s.tags for s in parsed.skipped]
    headers += [image.sidecar for image in parsed.images]
    words: set[str] = set()
    for keyword, words_of in (
        ("PatientName", name_words), ("PatientID", id_words), ("PatientBirthDate", date_words),
        ("StudyDate", date_words),
    ):  # fmt: skip
        for value in {str(tags.get(keyword, "")) for tags in headers}:
            words |= words_of(value)
    return frozenset(words)


def mask_study(study: Study, words: Collection[str]) -> Study:
    """A study whose descriptions, file names and notices do not repeat who it is of."""

    def shown(text: str) -> str:
        return masked(text, words)

    def texts(many: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(shown, many))

    def notices(many: tuple[Notice, ...]) -> tuple[Notice, ...]:
        return tuple(replace(one, text=shown(one.text)) for one in many)

    return replace(
        study,
        series=tuple(
            replace(
                one,
                description=shown(one.description),
                role_evidence=texts(one.role_evidence),
                notices=notices(one.notices),
            )
            for one in study.series
        ),
        set_aside=tuple(replace(one, name=shown(one.name)) for one in study.set_aside),
        joint_evidence=texts(study.joint_evidence),
        side_evidence=texts(study.side_evidence),
        notices=notices(study.notices),
    )


def mask_error(error: InputError, words: Collection[str]) -> InputError:
    """The same error without what tells the patient."""
    where = None if error.where is None else masked(error.where, words)
    return type(error)(
        masked(error.found, words), where=where, expected=error.expected, do=error.do
    )


def _tells(word: str) -> bool:
    if not word.isascii():
        return len(word) > 1
    return len(word) >= SHORTEST and word.isalpha() and word not in TITLES


def _pattern(word: str) -> re.Pattern[str]:
    escaped = re.escape(word)
    if len(word) < LONG and word.isascii():
        escaped = rf"(?<![^\W_]){escaped}(?![^\W_])"
    return re.compile(escaped, re.IGNORECASE)
