"""What a person must look at: text in pixels, faces, and what was left out for it."""

from __future__ import annotations

from typing import Any

from marrowlight.study.body_words import HEAD, OTHER_PARTS
from marrowlight.study.words import plain

SCREEN_TYPES = frozenset({"SCREEN SAVE", "SCREENSAVE", "CSA REPORT", "CSA PARALLEL"})
SECONDARY = "1.2.840.10008.5.1.4.1.1.7"
HEADS = ("head", "brain", "skull", "neck", "orbit", "face", "tmj", "iac", "pituitary", "ear")

BURNED_IN = "burned-in"
MAYBE_BURNED_IN = "maybe-burned-in"
OVERLAY = "overlay"
FACE = "face"
NAMELESS = "no-patient"

TEXTS = {
    BURNED_IN: "say that text is burned into their pixels, or are pictures of a screen; they were "
    "written because --burned-in asks for it. Look at every one of them.",
    MAYBE_BURNED_IN: "are not original images and do not say whether text is burned into their "
    "pixels. Look at them.",
    OVERLAY: "held overlays or curves, which were removed; graphics drawn into the pixels "
    "themselves were not.",
    NAMELESS: "did not say which patient they are of (neither id nor name): each study has a "
    "pseudonym of its own, and dates of two studies moved by different days.",
    FACE: "show the head: a face can be rebuilt from them.",
}
"""Code of a caution to what it says, after a number of images."""

PROMISE = "Pixels were not looked at: that nobody can be told from them is not promised."


def shows_text(dataset: Any) -> str:
    """Why the pixels of an object are likely to hold text, or empty: it is left out for it."""
    if str(dataset.get("SOPClassUID") or "").startswith(SECONDARY):
        return "secondary capture (a screenshot)"
    if SCREEN_TYPES & set(_types(dataset)):
        return "picture of a screen or a report (ImageType)"
    if str(dataset.get("BurnedInAnnotation") or "").upper() == "YES":
        return "says that text is burned into its pixels"
    return ""


def cautions_of(dataset: Any, *, overlays: bool, named: bool) -> list[str]:
    """Codes of what to look at in an image that was written."""
    found = []
    if shows_text(dataset):
        found.append(BURNED_IN)
    elif not dataset.get("BurnedInAnnotation") and _types(dataset)[:1] != ["ORIGINAL"]:
        found.append(MAYBE_BURNED_IN)
    if overlays:
        found.append(OVERLAY)
    if not named:
        found.append(NAMELESS)
    if _shows_head(dataset):
        found.append(FACE)
    return found


def _types(dataset: Any) -> list[str]:
    value = dataset.get("ImageType") or []
    many = [value] if isinstance(value, str) else list(value)
    return [str(one).upper() for one in many]


def _shows_head(dataset: Any) -> bool:
    keys = ("BodyPartExamined", "StudyDescription", "SeriesDescription", "ProtocolName")
    part = plain(str(dataset.get("BodyPartExamined") or ""))
    text = plain(" ".join(str(dataset.get(key) or "") for key in keys[1:]))
    if HEAD.search(part) or any(word in part.split() for word in HEADS):
        return True
    found = OTHER_PARTS.search(text)
    return found is not None and any(w in found.group(0) for w in ("brain", "head", "skull"))
