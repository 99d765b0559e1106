"""A notice: something the reader of a result must know, with a stable code for machines."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """A warning that travels with a result.

    Parameters
    ----------
    code : str
        Stable, lower case with hyphens, e.g. ``slices-missing``. Machines key on it.
    text : str
        One or two plain sentences. Never holds a patient's name, id or date.
    """

    code: str
    text: str

    def __str__(self) -> str:
        return self.text
