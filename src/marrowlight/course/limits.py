"""What limits the comparison of visits: other images, other bones, other parts of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from marrowlight.anatomy.registry import bone_registry
from marrowlight.course.course import Limit
from marrowlight.course.visit import BoneKey, Visit
from marrowlight.edema.intervals import Origin
from marrowlight.study.study import Side

MOST_FACTOR = 1.3
"""Slices, pixels or echo times that differ by more than this factor are another protocol.
Estimate: usual differences between scanners that follow one protocol stay below it."""

SAME_TESLA = 0.3
"""Field strengths within this are the same: 2.89 and 3 T. Unit: T."""

LEAST_OF_EDEMA = 0.99
LEAST_OF_BONE = 0.8
"""Fields of view differ in a way that matters if less than this share of a visit's edema, or of
its bone, is seen at all visits."""

_ORIGINS = {
    Origin.FOUND: "found by the software with T1",
    Origin.FOUND_WITHOUT_T1: "found by the software without T1",
    Origin.DRAWN: "drawn or given by the user",
}


@dataclass(frozen=True)
class _Trait:
    """One thing that should be the same. of : its value, None where it is not known."""

    code: str
    what: str
    of: Callable[[Visit], str | float | None]
    same: Callable[[str | float, str | float], bool]
    said: Callable[[str | float], str] = str


def _equal(one: str | float, other: str | float) -> bool:
    return one == other


def _near(one: str | float, other: str | float) -> bool:
    low, high = sorted((float(one), float(other)))
    return high <= MOST_FACTOR * low


def _slice(visit: Visit) -> float:
    nominal = visit.series.slice_thickness_mm if visit.series else None
    return max(nominal or 0.0, visit.slice_mm)


def _pixel(visit: Visit) -> float:
    small, middle, _ = sorted(visit.bones.grid.spacing)
    return float((small * middle) ** 0.5)


def _plane(visit: Visit) -> str | None:
    return visit.series.plane.value if visit.series else None


def _role(visit: Visit) -> str | None:
    return visit.series.role.value if visit.series else None


def _maker(visit: Visit) -> str | None:
    words = str(visit.scanner.get("manufacturer", "")).lower().split()
    return words[0] if words else None


def _number(name: str) -> Callable[[Visit], float | None]:
    def of(visit: Visit) -> float | None:
        value = visit.scanner.get(name)
        return float(value) if isinstance(value, int | float) else None

    return of


def _software(visit: Visit) -> str | None:
    versions = visit.reading.versions
    return f"{versions.parameters} {versions.weights}" if versions.parameters else None


def _mm(value: str | float) -> str:
    return f"{float(value):.3g} mm"


TRAITS = (
    _Trait("other-sequence", "The kind of image differs", _role, _equal),
    _Trait("other-plane", "The plane of the slices differs", _plane, _equal),
    _Trait("other-slice-thickness", "The slices differ in thickness", _slice, _near, _mm),
    _Trait("other-pixel-size", "The pixels differ in size", _pixel, _near, _mm),
    _Trait("other-vendor", "The scanners are of different makers", _maker, _equal),
    _Trait(
        "other-field-strength", "The field strength differs", _number("field_t"),
        lambda a, b: abs(float(a) - float(b)) <= SAME_TESLA, lambda v: f"{float(v):g} T",
    ),
    _Trait(
        "other-echo-time", "The echo time differs", _number("te_ms"), _near,
        lambda v: f"{float(v):.3g} ms",
    ),
    _Trait(
        "read-differently", "Edema was not made out in the same way",
        lambda v: v.origin.value, _equal, lambda v: _ORIGINS[Origin(str(v))],
    ),
    _Trait(
        "other-version", "The visits were read by different versions of the software", _software,
        _equal, lambda _: "",
    ),
)  # fmt: skip
"""Everything that should be the same for a matched protocol."""


def matched(one: Visit, other: Visit) -> bool:
    """Whether two visits share their protocol as far as it is known."""
    return not any(_differs(trait, one, other) for trait in TRAITS)


def _differs(trait: _Trait, one: Visit, other: Visit) -> bool:
    a, b = trait.of(one), trait.of(other)
    return a is not None and b is not None and not trait.same(a, b)


def protocol_limits(visits: Sequence[Visit]) -> tuple[Limit, ...]:
    """Where visits differ from the first, or where it is not known whether they do."""
    limits = []
    for trait in TRAITS:
        other = [
            n
            for n, v in enumerate(visits)
            if any(_differs(trait, v, w) for w in visits[:n]) and n > 0
        ]
        if other:
            values = [trait.of(v) for v in visits]
            said = [
                f"{trait.said(value)} at visit {n}"
                for n, value in enumerate(values, start=1)
                if value is not None and trait.said(value)
            ]
            text = trait.what + (f": {', '.join(said)}." if said else ".")
            limits.append(Limit(code=trait.code, text=text, visits=tuple(other)))
    unknown = [n for n, v in enumerate(visits) if _maker(v) is None or "field_t" not in v.scanner]
    if unknown:
        limits.append(
            Limit(
                code="scanner-not-known",
                text="Maker or field strength of the scanner is not known at every visit; that it "
                "is the same could not be checked.",
                visits=tuple(unknown),
            )
        )
    given = [n for n, v in enumerate(visits) if v.weeks_source == "given"]
    if given:
        limits.append(
            Limit(
                code="weeks-given",
                text="The weeks between visits were given, not taken from the images.",
                visits=tuple(given),
            )
        )
    if any(v.patient is None for v in visits):
        limits.append(
            Limit(
                code="patient-not-checked",
                text="Not every visit says which patient it is of; that all are of one was not "
                "checked.",
                visits=tuple(n for n, v in enumerate(visits) if v.patient is None),
            )
        )
    studies = [v.study for v in visits]
    again = [n for n, s in enumerate(studies) if s is not None and s in studies[:n]]
    if again:
        limits.append(
            Limit(
                code="same-study-number",
                text="Two visits carry the number of one and the same study: they may be two "
                "series of one visit.",
                visits=tuple(again),
            )
        )
    return tuple(limits)


def bones_limit(
    visits: Sequence[Visit], shown: Mapping[BoneKey, Collection[int]], side: Side
) -> list[Limit]:
    """Bones that not every visit shows. side : of the joint."""
    missing = {key: [n for n in range(len(visits)) if n not in at] for key, at in shown.items()}
    parts = [
        f"{bone_words(key, side)} not at {visits_words(gone)}"
        for key, gone in missing.items()
        if gone
    ]
    if not parts:
        return []
    where = sorted({n for gone in missing.values() for n in gone})
    text = f"Not every visit shows the same bones: {'; '.join(parts)}."
    return [Limit(code="other-bones", text=text, visits=tuple(where))]


def view_limit(
    key: BoneKey, side: Side, of_bone: Mapping[int, float], of_edema: Mapping[int, float]
) -> list[Limit]:
    """Where part of a bone, or of its edema, is not seen at all visits and is not compared."""
    cut = [n for n in of_bone if of_bone[n] < LEAST_OF_BONE or of_edema[n] < LEAST_OF_EDEMA]
    if not cut:
        return []
    said = "; ".join(
        f"{of_bone[n]:.0%} of the bone and {of_edema[n]:.0%} of the edema at visit {n + 1}"
        for n in cut
    )
    text = (
        f"The fields of view differ at the {bone_words(key, side)}; only what all visits show was "
        f"compared ({said})."
    )
    return [Limit(code="field-of-view-differs", text=text, visits=tuple(cut))]


def bone_words(key: BoneKey, side: Side) -> str:
    """A bone for people, with its side only where it differs from that of the joint."""
    name = "bone" if key.bone == "bone" else bone_registry()[key.bone].name.lower()
    plain = key.side in (Side.UNKNOWN, Side.MIDLINE, side)
    return name if plain else f"{key.side.value} {name}"


def visits_words(visits: Sequence[int]) -> str:
    """``visit 2``, ``visits 2 and 3``; counted from 1."""
    names = [str(n + 1) for n in visits]
    if len(names) == 1:
        return f"visit {names[0]}"
    return f"visits {', '.join(names[:-1])} and {names[-1]}"
