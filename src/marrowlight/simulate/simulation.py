"""A simulated course: fluid, pressure and flow over weeks, of every place that the cause takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from marrowlight.errors import UsageError
from marrowlight.simulate.bone_fluid import STATE, BoneFluid
from marrowlight.simulate.care import CareGiven, care_given
from marrowlight.simulate.drive import Drive, drive_of
from marrowlight.simulate.forcing import Forcing
from marrowlight.simulate.parameters import Physiology, parameters, physiology
from marrowlight.simulate.person import person
from marrowlight.simulate.solve import RELATIVE_TOLERANCE, solve

LABEL: Final = "Teaching and test model, not a prediction for a patient."

HYPOTHESIS: Final = (
    "Hypothesis: no source supports that pressure in bone stops the formation of blood."
)

LONGEST_WEEKS = 520

STEP_WEEKS = 1 / 7
"""A day: distance of two points of a course."""

CLEARED = 0.1
"""Edema counts as cleared below this share of its peak."""

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Simulation:
    """A course of S sites at T points of time. All arrays but ``weeks`` and ``load`` are (S, T).

    Parameters
    ----------
    cause : str
    weeks : (T,) float64
        Since onset.
    fluid_ml : float64
        Edema fluid: what is in the marrow above rest.
    lesion_ml : float64
        Marrow that looks bright on MRI: fluid over the share of water in it.
    pressure_mmhg, capillary_mmhg : float64
    flow : float64
        Blood, ml/min/100 g.
    injury, inflammation, resorption : float64
        No unit; an injury of 1 is a bone bruise.
    blood_formation : float64
        Relative to rest. A hypothesis, see ``HYPOTHESIS``.
    dead_ml : float64
        Dead marrow; 0 but for osteonecrosis.
    filtered_ml, drained_ml, vented_ml : float64
        Since onset.
    load : (T,) float64
        Relative to everyday load, after care.
    """

    cause: str
    drive: Drive
    body: Physiology
    care: tuple[CareGiven, ...]
    seed: int | None
    first_seen_weeks: float
    weeks: Values
    load: Values
    fluid_ml: Values
    lesion_ml: Values
    pressure_mmhg: Values
    capillary_mmhg: Values
    flow: Values
    injury: Values
    inflammation: Values
    resorption: Values
    blood_formation: Values
    dead_ml: Values
    filtered_ml: Values
    drained_ml: Values
    vented_ml: Values

    @property
    def total_ml(self) -> Values:
        """(T,) volume of all lesions, ml."""
        out: Values = self.lesion_ml.sum(axis=0)
        return out

    @property
    def peak_ml(self) -> float:
        """Largest volume of all lesions together."""
        return float(self.total_ml.max())

    @property
    def weeks_to_peak(self) -> float:
        return float(self.weeks[int(self.total_ml.argmax())])

    @property
    def weeks_to_half(self) -> float | None:
        """Weeks since onset until, after its peak, half of it is gone; None if it never is."""
        return self._falls_to(0.5)

    @property
    def weeks_to_clear(self) -> float | None:
        """Weeks since onset until it falls, for good, below a tenth of its peak; None if never."""
        return self._falls_to(CLEARED, for_good=True)

    @property
    def weeks_to_double(self) -> float | None:
        """Weeks since onset until it is twice what was first seen; None if it never is."""
        first = self.at(self.first_seen_weeks).sum()
        later = (self.weeks >= self.first_seen_weeks) & (self.total_ml >= 2 * first)
        return float(self.weeks[later][0]) if first > 0 and later.any() else None

    @property
    def imbalance_ml(self) -> float:
        """Largest difference between fluid and what came in less what went out."""
        kept = self.filtered_ml - self.drained_ml - self.vented_ml
        return float(np.abs(self.fluid_ml - kept).max())

    def at(self, week: float) -> Values:
        """(S,) volumes of the lesions, ml, in a week since onset."""
        return np.array([np.interp(week, self.weeks, one) for one in self.lesion_ml])

    def _falls_to(self, share: float, *, for_good: bool = False) -> float | None:
        total = self.total_ml
        top = int(total.argmax())
        low = total[top:] <= share * total[top]
        if total[top] <= 0 or not low.any():
            return None
        if not for_good:
            return float(self.weeks[top + int(low.argmax())])
        high = np.flatnonzero(~low)
        after = top + int(high[-1]) + 1
        return float(self.weeks[after]) if after < len(total) else None


def simulate(
    cause: str,
    weeks: float = 52,
    care: Sequence[str] = (),
    *,
    seed: int | None = None,
    load: float = 1.0,
    changed: Mapping[str, float] | None = None,
    drive: Drive | None = None,
    tolerance: float = RELATIVE_TOLERANCE,
) -> Simulation:
    """Simulate the edema of one cause.

    Parameters
    ----------
    cause : str
        Id of a cause; see ``marrowlight.simulate.drive.drives``.
    weeks : float
        How long, from onset.
    care : sequence of str
        Ids of care options, each with the week since onset in which it starts, if not when the
        edema is first seen: ``"protected_loading:4"``.
    seed : int, optional
        Another person with the same cause; None is the middle one.
    load : float
        Multiplies the load that the cause comes with.
    changed : mapping, optional
        Parameters of other values, by id.
    drive : Drive, optional
        Taken in place of the one that the data give for the cause.
    tolerance : float
        Relative, of the solver.

    Raises
    ------
    UsageError
        For an unknown cause, care or parameter, care asked for after the end, or weeks outside 1
        to 520.
    """
    if not 1 <= weeks <= LONGEST_WEEKS:
        raise UsageError(
            f"A course of {weeks:g} weeks cannot be simulated.",
            where="--weeks",
            expected=f"1 to {LONGEST_WEEKS}",
        )
    if not 0 <= load <= 5:
        raise UsageError(f"A load of {load:g} is not in the model.", expected="0 to 5")
    drive = drive or drive_of(cause)
    body = _body(changed)
    who = person(drive, weeks, seed)
    seen = drive.first_seen_weeks * who.pace
    given = care_given(care, seen)
    for one in given:
        if one.start >= weeks and one.start != seen:
            raise UsageError(
                f"{one.effect.id} would start in week {one.start:g}, after the {weeks:g} weeks.",
                where="--care",
                expected=f"a week before {weeks:g}, or more --weeks",
            )
    grid = np.union1d(np.arange(0, weeks, STEP_WEEKS), [weeks])
    apart = (drive.next_site_weeks or 0.0) * who.pace
    sites = []
    for number in range(drive.sites):
        force = Forcing(drive, who, given, number * apart, load)
        sites.append(_site(BoneFluid(body, force, drive.region_ml * who.size), grid, tolerance))
    return Simulation(
        cause=cause, drive=drive, body=body, care=given, seed=seed, first_seen_weeks=seen,
        weeks=grid, load=np.array([force.load(week) for week in grid]),
        **{name: np.stack([site[name] for site in sites]) for name in sites[0]},
    )  # fmt: skip


def _body(changed: Mapping[str, float] | None) -> Physiology:
    unknown = sorted(set(changed or {}) - set(Physiology.__dataclass_fields__))
    if unknown:
        raise UsageError(
            f"The model has no parameter {unknown[0]}.",
            where="--set",
            expected="one of " + ", ".join(Physiology.__dataclass_fields__),
        )
    for key, value in (changed or {}).items():
        # A time or a volume of nothing would be divided by; an effect of nothing is an effect.
        least = 0.0 if parameters()[key].low == 0 else 1e-6
        if not least <= value <= 1e6:
            raise UsageError(
                f"{key} cannot be {value:g}.",
                where="--set",
                expected=f"{parameters()[key].low:g} to {parameters()[key].high:g} is plausible",
            )
    body = physiology(changed)
    if not body.venous_pressure_mmhg < body.capillary_pressure_mmhg < body.arterial_pressure_mmhg:
        raise UsageError(
            f"The capillary pressure would be {body.capillary_pressure_mmhg:g} mmHg.",
            expected="between those of vein and artery",
        )
    return body


def _site(bone: BoneFluid, weeks: Values, tolerance: float) -> dict[str, Any]:
    state = dict(zip(STATE, solve(bone, weeks, tolerance=tolerance), strict=True))
    flows = [
        bone.fluxes(float(week), *(float(state[name][i]) for name in _OF_FLUXES))
        for i, week in enumerate(weeks)
    ]
    # Below rest there is no edema to be seen; the solver may leave it a hair below nothing.
    fluid = state["fluid"]
    return {
        "fluid_ml": fluid,
        "lesion_ml": np.maximum(fluid, 0) / bone.body.water_share,
        "pressure_mmhg": np.array([one.pressure_mmhg for one in flows]),
        "capillary_mmhg": np.array([one.capillary_mmhg for one in flows]),
        "flow": np.array([one.flow for one in flows]),
        "injury": state["injury"],
        "inflammation": state["inflammation"],
        "resorption": state["resorption"],
        "blood_formation": state["blood"],
        "dead_ml": np.array([bone.forcing.dead_ml(float(week)) for week in weeks]),
        "filtered_ml": state["filtered"],
        "drained_ml": state["drained"],
        "vented_ml": state["vented"],
    }


_OF_FLUXES = ("fluid", "inflammation", "resorption", "grown")
