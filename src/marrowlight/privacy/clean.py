"""One data set made anonymous in place, by the profile and our rules."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from marrowlight.privacy.descriptors import clean_words
from marrowlight.privacy.options import Options
from marrowlight.privacy.profile import EDITION, profile_code, rules
from marrowlight.privacy.secret import Secret
from marrowlight.privacy.traces import ID_KEYWORDS, Traces
from marrowlight.privacy.values import cut_age, is_plain, shifted
from marrowlight.study.quiet import dicom_faults
from marrowlight.study.words import NO_CONTRAST, plain

TEXTS = frozenset({"LO", "SH", "ST", "LT", "UT", "UC"})
BYTES = frozenset({"OB", "OW", "OF", "OD", "OL", "OV", "UN"})
PIXEL_GROUPS = frozenset({0x0028, 0x7FE0})
PATIENT = 0x0010
STANDARD_ROOT = "1.2.840.10008."
"""UIDs below it are the standard's own: classes, transfer syntaxes, atlases."""

DUMMY = "REMOVED"
MOST_SIGNS = {"LO": 64, "SH": 16}
CODED = frozenset({"CodeValue", "LongCodeValue", "CodeMeaning"})
MARKS = frozenset({
    "PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence",
    "LongitudinalTemporalInformationModified", "SpecificCharacterSet",
})  # fmt: skip
"""Written anew at the top level."""


Creators = dict[tuple[int, int], str]
"""Group and block of private attributes to the name of their creator."""


@dataclass
class Cleaned:
    """What became of the elements of one data set.

    counts : "kept", "changed", "removed", with the elements of removed sequences not counted
    overlays : whether graphics were removed; named : whether it said which patient it is of
    """

    traces: Traces
    patient: str
    counts: Counter[str] = field(default_factory=Counter)
    overlays: bool = False
    named: bool = True


def clean(dataset: Any, secret: Secret, options: Options) -> Cleaned:
    """Clean a pydicom data set in place and mark it as de-identified (PS3.15 E.1.1).

    Returns
    -------
    Cleaned
        With the original values that must not be found again, and the patient's pseudonym.
    """
    key = patient_key(dataset)
    named = key != str(dataset.get("StudyInstanceUID") or "")
    done = Cleaned(Traces(), secret.pseudonym(key), named=named)
    days = secret.days(key)
    remember(dataset, done.traces)
    _Cleaner(secret, options, days, done).walk(dataset)
    _mark(dataset, done.patient, options)
    return done


def patient_key(dataset: Any) -> str:
    """What tells one patient from another in the input: the id, else name and date of birth.

    A file that has neither stands for itself by its study.
    """
    if number := plain(str(dataset.get("PatientID") or "")):
        return number
    name = plain(str(dataset.get("PatientName") or ""))
    born = str(dataset.get("PatientBirthDate") or "").strip()
    if name:
        return f"{name} {born}"
    return str(dataset.get("StudyInstanceUID") or "")


def remember(dataset: Any, traces: Traces) -> None:
    """Names and ids first: descriptions are cleaned of them wherever they stand."""
    for tag in list(dataset.keys()):
        if dataset.get_item(tag).VR not in (None, "SQ", "PN", "LO", "SH", "UN"):
            continue
        with suppress(*dicom_faults()):
            element = dataset[tag]
            if element.VR == "SQ":
                for item in element.value or ():
                    remember(item, traces)
            elif element.VR == "PN" or element.keyword in ID_KEYWORDS:
                traces.add(element.VR, element.keyword, element.value)


@dataclass
class _Cleaner:
    secret: Secret
    options: Options
    days: int
    done: Cleaned

    def walk(self, dataset: Any, outer: Creators | None = None) -> None:
        """Clean every element of a data set and of the items below it.

        outer : private creators of the levels above; some scanners name them there alone
        """
        creators = {**(outer or {}), **_creators(dataset)}
        public = str(dataset.get("CodingSchemeDesignator") or "") in rules().schemes
        for tag in list(dataset.keys()):
            if tag.is_private:
                self._private(dataset, tag, creators)
            else:
                self._element(dataset, tag, public, creators)

    def _element(self, dataset: Any, tag: Any, public: bool, creators: Creators) -> None:
        from pydicom.datadict import keyword_for_tag

        keyword = keyword_for_tag(tag)
        if keyword in MARKS or self._whole_group(tag):
            return self._remove(dataset, tag)
        vr = self._vr(dataset, tag)
        group, element = tag.group, tag.element
        code = profile_code(group, element)
        own = rules()
        if keyword in ("PatientID", "PatientName"):
            return self._set(dataset, tag, self.done.patient)
        if self.options.characteristics and keyword in own.characteristics:
            if vr == "AS":
                return self._set(dataset, tag, cut_age(str(dataset[tag].value or "")))
            return self._keep(dataset, tag, vr)
        if self.options.device and keyword in own.device:
            return self._keep(dataset, tag, vr)
        if keyword in own.words:
            return self._words(dataset, tag)
        if group == PATIENT:
            return self._set(dataset, tag, "") if "Z" in code else self._remove(dataset, tag)
        if vr in ("DA", "DT"):
            return self._shift(dataset, tag)
        if vr == "TM":
            return self._keep(dataset, tag, vr)
        if vr == "UI":
            return self._uid(dataset, tag, keyword)
        if vr == "SQ":
            if not code or "U" in code:
                for item in dataset[tag].value or ():
                    self.walk(item, creators)
                return None
            return self._sequence(dataset, tag, keyword, code)
        if code:
            return self._listed(dataset, tag, keyword, vr, code)
        if vr in BYTES and group not in PIXEL_GROUPS:
            return self._remove(dataset, tag)
        if vr == "PN":
            return self._set(dataset, tag, "")
        if vr in ("AE", "UR"):
            return self._remove(dataset, tag)
        if vr in TEXTS:
            return self._text(dataset, tag, keyword, public)
        return self._keep(dataset, tag, vr)

    def _whole_group(self, tag: Any) -> bool:
        """Group lengths, overlays and curves, and the groups of the rules."""
        repeated = tag.group & 0xFF00
        if repeated == 0x6000:
            self.done.overlays = True
        return tag.element == 0 or repeated in (0x5000, 0x6000) or tag.group in rules().groups

    def _listed(self, dataset: Any, tag: Any, keyword: str, vr: str, code: str) -> None:
        """An attribute of the table: X where there is a choice, unless the object needs it."""
        if code == "Z":
            return self._set(dataset, tag, "" if vr not in BYTES else b"")
        needed = code in ("D", "Z/D") or keyword in rules().dummy
        if needed and vr in (*TEXTS, "PN", "AE", "CS"):
            return self._set(dataset, tag, DUMMY)
        return self._remove(dataset, tag)

    def _sequence(self, dataset: Any, tag: Any, keyword: str, code: str) -> None:
        if code == "Z" or keyword in rules().empty:
            return self._set(dataset, tag, [])
        return self._remove(dataset, tag)

    def _text(self, dataset: Any, tag: Any, keyword: str, public: bool) -> None:
        """A text that the table does not list."""
        known = keyword in rules().technical or (public and keyword in CODED)
        if known and all(text.isascii() and text.isprintable() for text in _texts(dataset[tag])):
            self.done.counts["kept"] += 1
            return
        self._words(dataset, tag, DUMMY if keyword in CODED else "")

    def _words(self, dataset: Any, tag: Any, otherwise: str = "") -> None:
        element = dataset[tag]
        texts = _texts(element)
        cleaned = [clean_words(text, self.done.traces.words) for text in texts]
        if element.keyword == "ContrastBolusAgent" and not any(cleaned) and any(texts):
            # That an agent was given decides how the series is read; which one does not.
            cleaned = ["contrast"] if not NO_CONTRAST.search(plain(texts[0])) else ["none"]
        if any(cleaned):
            most = MOST_SIGNS.get(element.VR)
            self._write(dataset, tag, [one[:most].strip() for one in cleaned])
        elif otherwise or element.keyword in rules().empty:
            self._set(dataset, tag, otherwise)
        else:
            self._remove(dataset, tag)

    def _shift(self, dataset: Any, tag: Any) -> None:
        element = dataset[tag]
        self.done.traces.add(element.VR, element.keyword, element.value)
        moved = [shifted(text, self.days) for text in _texts(element)]
        self.done.traces.made |= {one[:8] for one in moved if one}
        self._write(dataset, tag, moved)

    def _uid(self, dataset: Any, tag: Any, keyword: str) -> None:
        if keyword in rules().classes:
            return self._keep(dataset, tag, "UI")
        element = dataset[tag]
        texts = [text.strip(" \0") for text in _texts(element)]
        ours = [one for one in texts if one and not one.startswith(STANDARD_ROOT)]
        self.done.traces.add("UI", keyword, ours)
        made = [self.secret.uid(one) if one in ours else one for one in texts]
        return self._write(dataset, tag, made)

    def _private(self, dataset: Any, tag: Any, creators: Creators) -> None:
        """Keep what the safe list has, in the VR that it has there, and names of its creators."""
        own = rules()
        if tag.is_private_creator:
            known = creators.get((tag.group, tag.element)) in own.creators
            return self._keep(dataset, tag, "LO") if known else self._remove(dataset, tag)
        creator = creators.get((tag.group, tag.element >> 8), "")
        vr = own.safe_private.get((creator, tag.group, tag.element & 0xFF))
        if vr is None or vr != dataset[tag].VR:
            return self._remove(dataset, tag)
        if vr == "SQ":
            return self._hold_safe(dataset, tag, creators)
        return self._keep(dataset, tag, vr)

    def _hold_safe(self, dataset: Any, tag: Any, creators: Creators) -> None:
        """Leave only safe private attributes in the items of a private sequence."""
        for item in dataset[tag].value or ():
            inside = {**creators, **_creators(item)}
            for below in list(item.keys()):
                if below.is_private:
                    self._private(item, below, inside)
                else:
                    self._remove(item, below)

    def _vr(self, dataset: Any, tag: Any) -> str:
        """The VR as pydicom knows it: of the file, or of the dictionary where the file is mute."""
        raw = dataset.get_item(tag)
        if raw.VR in (None, "UN"):
            return str(dataset[tag].VR)
        return str(raw.VR)

    def _keep(self, dataset: Any, tag: Any, vr: str) -> None:
        """Leave an element as it is, byte for byte, unless its bytes are not what they promise."""
        raw = dataset.get_item(tag)
        if isinstance(raw.value, bytes) and not is_plain(vr, raw.value):
            return self._remove(dataset, tag)
        self.done.counts["kept"] += 1
        return None

    def _set(self, dataset: Any, tag: Any, value: Any) -> None:
        """Write one value in place of what was there, which is remembered."""
        element = dataset[tag]
        self._forget(element)
        self._write(dataset, tag, value)

    def _write(self, dataset: Any, tag: Any, value: Any) -> None:
        from pydicom.dataelem import DataElement

        if isinstance(value, list) and value and isinstance(value[0], str):
            value = value[0] if len(value) == 1 else value
        dataset[tag] = DataElement(tag, dataset[tag].VR, value)
        self.done.counts["changed"] += 1

    def _remove(self, dataset: Any, tag: Any) -> None:
        if not tag.is_private and tag.element != 0 and tag.group < 0x5000:
            with suppress(*dicom_faults()):  # What cannot be parsed can still be removed.
                self._forget(dataset[tag])
        del dataset[tag]
        self.done.counts["removed"] += 1

    def _forget(self, element: Any) -> None:
        """Remember an original value, and those of a sequence, as what must not be found again."""
        if element.VR == "SQ":
            for item in element.value or ():
                for below in item:
                    self._forget(below)
            return
        standard = element.VR == "UI" and str(element.value).startswith(STANDARD_ROOT)
        if not standard and element.keyword not in MARKS | CODED | rules().technical:
            self.done.traces.add(element.VR, element.keyword, element.value)


def _texts(element: Any) -> list[str]:
    """The values of an element as texts, one or several."""
    value = element.value
    return [str(one or "") for one in (value if hasattr(value, "append") else [value])]


def _creators(dataset: Any) -> Creators:
    found = {}
    for tag in list(dataset.keys()):
        if tag.is_private_creator and 0x10 <= tag.element <= 0xFF:
            found[tag.group, tag.element] = str(dataset[tag].value or "").strip()
    return found


def _mark(dataset: Any, patient: str, options: Options) -> None:
    """Say what was done (PS3.15 E.1.1, PS3.3 C.7.1.1 and C.12.1)."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    from marrowlight.version import __version__

    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientID = patient
    dataset.PatientName = patient
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = [
        f"DICOM PS3.15 {EDITION} Basic Profile with options as coded",
        f"Marrowlight {__version__}; pixels were not looked at",
    ]
    items = []
    for value, meaning in options.codes:
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
        items.append(item)
    dataset.DeidentificationMethodCodeSequence = Sequence(items)
    dataset.LongitudinalTemporalInformationModified = "MODIFIED"
