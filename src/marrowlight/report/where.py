"""Where the edema lies, in words and numbers: zones, and what lies outside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from marrowlight.edema.measurement import ZoneEdema
from marrowlight.reading import Reading, Region
from marrowlight.report.amount import ml, percent
from marrowlight.report.sentence import not_read_name, region_name
from marrowlight.report.systems import INSERTIONS, main_system, system_title

ZoneKey = tuple[int, str, str]
"""Number of the region, system and zone."""


@dataclass(frozen=True, slots=True)
class ZoneRow:
    """One zone in the table; number : on the map, 0 if it is not drawn there."""

    number: int
    name: str
    system: str
    edema: str
    size: str
    share: str
    lesions: str
    provisional: bool
    approximate: bool


@dataclass(frozen=True)
class Where:
    """Where the edema of one region lies.

    rows : zones with edema of the system that is drawn, and insertions; others : the same by each
    other system, as (title, rows); outside : sentences about what lies in no zone; not_placed :
    bones that have no zones, and why
    """

    name: str
    rows: tuple[ZoneRow, ...]
    others: tuple[tuple[str, tuple[ZoneRow, ...]], ...]
    outside: tuple[str, ...]
    not_placed: tuple[str, ...]

    @property
    def says_anything(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.rows or self.others or self.outside or self.not_placed)


def zone_numbers(reading: Reading) -> dict[ZoneKey, int]:
    """Numbers of the zones that hold edema, of the systems that are shown first, most first."""
    numbers: dict[ZoneKey, int] = {}
    for place, region in enumerate(reading.regions):
        for zone in _held(region, (main_system(region), INSERTIONS)):
            numbers[(place, zone.system, zone.zone)] = len(numbers) + 1
    return numbers


def where(reading: Reading, numbers: Mapping[ZoneKey, int]) -> tuple[Where, ...]:
    """Where the edema of each region lies; a region without edema or zones has nothing to say."""
    return tuple(
        _of_region(region, place, numbers)
        for place, region in enumerate(reading.regions)
        if region.edema.volume_mm3 > 0
    )


def _of_region(region: Region, place: int, numbers: Mapping[ZoneKey, int]) -> Where:
    main = main_system(region)
    shown = (main, INSERTIONS)
    others = list(
        dict.fromkeys(z.system for z in region.zones if z.system not in shown and z.edema_mm3 > 0)
    )
    outside = [
        f"{percent(one.share)} of the edema ({ml(one.edema_mm3)}) lies outside the zones of "
        f"{system_title(one.system)}, in bone that they leave out, such as a shaft."
        for one in region.outside
        if one.system == main and one.share and one.edema_mm3 > 0 and region.zones
    ]
    return Where(
        name=region_name(region.joint, region.side),
        rows=_rows(region, place, shown, numbers),
        others=tuple((system_title(s), _rows(region, place, (s,), numbers)) for s in others),
        outside=tuple(outside),
        not_placed=tuple(
            f"{not_read_name(one, region.side)}: {one.reason.rstrip('.')}."
            for one in region.not_placed
        ),
    )


def _rows(
    region: Region, place: int, systems: Sequence[str], numbers: Mapping[ZoneKey, int]
) -> tuple[ZoneRow, ...]:
    lesions: dict[tuple[str, str], list[str]] = {}
    for lesion in region.edema.lesions:
        for part in lesion.zones:
            lesions.setdefault((part.system, part.zone), []).append(lesion.id)
    return tuple(
        ZoneRow(
            number=numbers.get((place, zone.system, zone.zone), 0),
            name=zone.name,
            system=system_title(zone.system),
            edema=ml(zone.edema_mm3),
            size=ml(zone.volume_mm3),
            share=percent(zone.share),
            lesions=_listing(lesions.get((zone.system, zone.zone), [])),
            provisional=zone.provisional,
            approximate=zone.approximate,
        )
        for zone in _held(region, systems)
    )


def _held(region: Region, systems: Sequence[str]) -> list[ZoneEdema]:
    """Zones of these systems that hold edema: by system, most first."""
    held = [z for z in region.zones if z.system in systems and z.edema_mm3 > 0]
    return sorted(held, key=lambda z: (systems.index(z.system), -z.edema_mm3))


def _listing(ids: Sequence[str], most: int = 4) -> str:
    return ", ".join(ids[:most]) + (f" and {len(ids) - most} more" if len(ids) > most else "")
