"""Which options of the profile a run takes, and their codes."""

from __future__ import annotations

from dataclasses import dataclass

BASIC = ("113100", "Basic Application Confidentiality Profile")
WORDS = ("113105", "Clean Descriptors Option")
DATES = ("113107", "Retain Longitudinal Temporal Information Modified Dates Option")
CHARACTERISTICS = ("113108", "Retain Patient Characteristics Option")
DEVICE = ("113109", "Retain Device Identity Option")
PRIVATE = ("113111", "Retain Safe Private Option")
"""Code values and meanings of DICOM PS3.16 CID 7050, scheme DCM."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is kept beyond the Basic Profile.

    Words of descriptions, shifted dates and safe private attributes always are: without them the
    images cannot be read, compared over time, or scaled.

    Parameters
    ----------
    characteristics : bool
        Sex, age (above 89 as 090Y), size, weight, smoking and pregnancy status.
    device : bool
        Serial number, station and other names of the scanner.
    burned_in : bool
        Also write pictures that may show text: secondary captures, and images that say that text
        is burned in.
    """

    characteristics: bool = False
    device: bool = False
    burned_in: bool = False

    @property
    def codes(self) -> tuple[tuple[str, str], ...]:
        """Value and meaning of each option, for DeidentificationMethodCodeSequence (0012,0064)."""
        chosen = [BASIC, WORDS, DATES]
        chosen += [CHARACTERISTICS] if self.characteristics else []
        chosen += [DEVICE] if self.device else []
        return (*chosen, PRIVATE)
