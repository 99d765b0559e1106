"""The DICOM conformance statement, written from the code: it cannot say what the code does not.

python -m marrowlight.conformance docs/conformance.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydicom.sr.coding import Code

from marrowlight.anatomy.registry import bone_registry
from marrowlight.export import codes
from marrowlight.export.common import CHARACTER_SET, MANUFACTURER, MODEL, SERIES_NUMBERS
from marrowlight.privacy.options import BASIC, CHARACTERISTICS, DATES, DEVICE, PRIVATE, WORDS
from marrowlight.study.dicom_file import MR_IMAGES, NOT_IMAGES
from marrowlight.study.limits import MIB, Limits
from marrowlight.study.seg_file import LABELMAP_SEG, SEG

WRITTEN = (
    ("seg.dcm", "seg", SEG, "edema, BINARY; one segment per bone with edema, none overlap"),
    ("seg_all.dcm", "seg_all", SEG, "all edema, BINARY; one segment; a file, never stored"),
    ("probability.dcm", "probability", SEG, "probability of edema, FRACTIONAL (on request)"),
    (
        "sr.dcm",
        "sr",
        "1.2.840.10008.5.1.4.1.1.88.33",
        "TID 1500, Imaging Measurement Report",
    ),
    ("report.dcm", "pdf", "1.2.840.10008.5.1.4.1.1.104.1", "the report page"),
)
"""File, key of its series number, SOP class, and what is in it."""


def conformance_statement() -> str:
    """The whole statement as Markdown."""
    parts = [_head(), _read(), _written(), _marks(), _codes(), _network(), _privacy()]
    return "\n".join(parts) + "\n"


def _head() -> str:
    return """# DICOM conformance statement

This page is written from the code (`python -m marrowlight.conformance docs/conformance.md`); a test
fails where it is not what the code does. Marrowlight is research software and no medical device.
It is no DICOM node: it speaks DICOMweb as a client, and reads and writes files. DIMSE (C-STORE,
C-FIND, C-MOVE) is left to the archive; media creation (DICOMDIR) is not done.
"""


def _read() -> str:
    limits = Limits()
    images = [(_name(uid), uid, what) for uid, what in MR_IMAGES.items()]
    masks = [(_name(uid), uid, "as a mask, `--bones` and `--edema`") for uid in (SEG, LABELMAP_SEG)]
    syntaxes = [(uid.name, str(uid), "yes" if can else "no") for uid, can in _decoders()]
    aside = sorted(set(NOT_IMAGES.values()))
    return "\n".join(
        [
            "## What is read\n",
            _table(("SOP class", "UID", "as"), [*images, *masks]),
            "\nColour images are set aside, and so are, by name: " + ", ".join(aside) + ".",
            "Any other SOP class is set aside as no MR image.\n",
            _table(("Transfer syntax", "UID", "decoded"), syntaxes),
            f"\nOne file may declare at most {limits.image_bytes / MIB:.0f} MiB of pixels and be "
            f"{limits.file_bytes / MIB:.0f} MiB large, one input at most {limits.files} files and "
            f"{limits.total_bytes / MIB:.0f} MiB of pixels in all.\n",
        ]
    )


def _written() -> str:
    rows = [
        (f"`{file}`", _name(uid), uid, str(SERIES_NUMBERS[kind]), what)
        for file, kind, uid, what in WRITTEN
    ]
    return "\n".join(
        [
            "## What is written\n",
            _table(("File", "SOP class", "UID", "Series number", "What"), rows),
            "\nTransfer syntax: Explicit VR Little Endian, pixels uncompressed, empty frames of a "
            f"segmentation kept. Specific Character Set: {CHARACTER_SET}. Patient and study are "
            "those of the source images, word for word, also where a value there is longer than "
            "its VR allows: an id that is cut to fit is the id of somebody else. Frame of "
            "Reference is that of the source; images without one are refused.\n",
            "Every UID is 2.25 and a hash of source UIDs, reading (and so of software version, "
            "weights, parameters and options) and tracking; exporting or storing again gives the "
            "same objects. Content date and time are those of the reading.\n",
            "Frames refer to the source images that they were drawn on, and to the frame of a "
            "multi-frame one. Each segment carries algorithm name, version and hashes, and each "
            "but the first (all edema) a tracking id and UID.\n",
            "**Structured report.** One measurement group per bone and per lesion (TID 1411 with "
            "the segment of the bone, TID 1501 for a bone without edema), each with tracking "
            "identifier and UID, finding, site and laterality. Tracking UIDs of bones stay the "
            "same at every visit, those of lesions where the report was made with a course "
            "(`marrowlight export OUT --course COURSE`).\n",
        ]
    )


def _marks() -> str:
    return "\n".join(
        [
            "## Marked as what it is\n",
            "- SR and encapsulated PDF: VerificationFlag UNVERIFIED; SR: PreliminaryFlag "
            "PRELIMINARY. FHIR: `status` preliminary.",
            "- Series description: “..., automatic, not verified”, or “given mask, not verified” "
            "where the user gave the edema mask; then the segment's algorithm type is MANUAL.",
            "- Ranked causes are in the PDF where a case was given; they are never codes.",
            f"- Manufacturer {MANUFACTURER}, model {MODEL}; the device serial number is the "
            "beginning of the hash of the weights.\n",
        ]
    )


def _codes() -> str:
    public = [
        c
        for c in vars(codes).values()
        if isinstance(c, Code) and c.scheme_designator != codes.SCHEME
    ]
    public += [*codes.SIDES.values(), *codes.JOINTS.values()]
    rows = [(c.value, c.scheme_designator, c.meaning) for c in public]
    bones = [
        (b.name, b.snomed_code, b.snomed_meaning, "" if b.snomed_exact else "next wider structure")
        for b in bone_registry().values()
    ]
    own = [(c.value, c.meaning) for c in codes.PRIVATE]
    return "\n".join(
        [
            "## Codes\n",
            "Public codes:\n",
            _table(("Value", "Scheme", "Meaning"), sorted(set(rows), key=lambda r: (r[1], r[0]))),
            "\nBones (SNOMED CT), with laterality as a modifier where the side is known:\n",
            _table(("Bone", "Code", "Meaning", ""), bones),
            f"\nCodes of our own, scheme `{codes.SCHEME}` ({codes.SCHEME_NAME}), where no public "
            "code exists:\n",
            _table(("Value", "Meaning"), own),
            "",
        ]
    )


def _network() -> str:
    return """## Network

DICOMweb client (PS3.18) over HTTP(S), by `marrowlight pull`, `push` and `watch`:

| Service | Used for |
|---|---|
| QIDO-RS: studies, series, instances | what is there, whether it still grows, what is stored |
| WADO-RS: instances, metadata | fetching the images of a study |
| STOW-RS: instances | storing SEG, SR and encapsulated PDF |

Instances are asked for as `application/dicom` in the transfer syntax in which they are stored. Not
used: WADO-URI, rendered and bulk data resources, UPS-RS, capabilities, notifications. The health
endpoint of `watch` listens on the loopback address alone.
"""


def _privacy() -> str:
    always = [(*BASIC, "always"), (*WORDS, "always"), (*DATES, "always"), (*PRIVATE, "always")]
    asked = [(*CHARACTERISTICS, "`--keep-characteristics`"), (*DEVICE, "`--keep-device`")]
    return "\n".join(
        [
            "## De-identification\n",
            "`marrowlight deidentify` applies PS3.15 Annex E and writes these codes (CID 7050) "
            "into (0012,0064):\n",
            _table(("Code", "Meaning", "When"), [*always, *asked]),
            "\n[deidentify](how-to/deidentify.md) says what each does here, and what is not "
            "promised.",
        ]
    )


def _decoders() -> list[tuple[Any, bool]]:
    """Transfer syntaxes of images and whether they can be decoded, native ones first."""
    from pydicom.pixels import decoders, get_decoder
    from pydicom.uid import UID

    native = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2",
              "1.2.840.10008.1.2.1.99")  # fmt: skip
    found = [UID(uid) for uid in native]
    known = {
        one.UID
        for name in vars(decoders)
        if name.endswith("Decoder") and hasattr(one := getattr(decoders, name), "UID")
    }
    found += sorted(known - set(found))
    return [(uid, uid in native or get_decoder(uid).is_available) for uid in found]


def _name(uid: str) -> str:
    from pydicom.uid import UID

    return "Label Map Segmentation Storage" if uid == LABELMAP_SEG else str(UID(uid).name)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(conformance_statement(), encoding="utf-8")
