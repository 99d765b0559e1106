"""The equations: fluid, blood and inflammation in one closed place of bone.

    blood ── Starling: K ((Pc - Pi) - s D) ──► fluid in marrow, V ──► drainage, vent
      ▲                    ▲                        │
      │ veins squeezed     │ leak                   │ rigid: Pi = P0 + S (exp(V / room) - 1)
      └─────────── Pi ◄────┼────────────────────────┘
                  inflammation, resorption ◄── triggers, injury ◄── load

At rest nothing drives it, V is 0, and filtration equals drainage. Starling's equation: Starling
1896, J Physiol 19:312. Time is in weeks, pressure in mmHg, fluid in ml, blood flow in ml/min/100 g.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from marrowlight.simulate.forcing import Forcing
from marrowlight.simulate.parameters import Physiology

DAYS = 7.0
"""Days in a week."""

STATE = (
    "fluid", "injury", "inflammation", "resorption", "grown", "blood", "filtered", "drained",
    "vented",
)  # fmt: skip
"""Order of the state: fluid above rest (ml), injury, inflammation, resorption and what multiplies
(no unit), blood formation (1 at rest), and what was filtered, drained and vented so far (ml)."""

_STEEPEST = 30.0
"""Exponent at which the stiff wall is cut off, so that a wild step of the solver stays finite."""


@dataclass(frozen=True)
class Fluxes:
    """What flows in one moment.

    pressure_mmhg : in bone; capillary_mmhg; flow : blood, ml/min/100 g, none of it in dead marrow;
    filtered, drained, vented : ml/week of the region.
    """

    pressure_mmhg: float
    capillary_mmhg: float
    flow: float
    filtered: float
    drained: float
    vented: float


@dataclass(frozen=True)
class BoneFluid:
    """One place in bone. body : its numbers; region_ml : marrow that takes part."""

    body: Physiology
    forcing: Forcing
    region_ml: float

    @property
    def rest(self) -> tuple[float, ...]:
        """The state before anything happens."""
        return (0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)

    def begin(self, state: Sequence[float]) -> tuple[float, ...]:
        """The state at onset: the injury is done, and what multiplies is sown."""
        fluid, injury, inflammation, resorption, _, *rest = state
        growth = self.forcing.growth
        return (
            fluid, injury + self.forcing.drive.injury, inflammation, resorption,
            growth.start if growth else 0.0, *rest,
        )  # fmt: skip

    def fluxes(
        self, week: float, fluid: float, inflammation: float, resorption: float, grown: float
    ) -> Fluxes:
        """Pressures and flows from the state."""
        body, force = self.body, self.forcing
        rest = body.intraosseous_pressure_mmhg
        steep = min(fluid / (body.room * self.region_ml), _STEEPEST)
        pressure = rest + body.stiffness_mmhg * (math.exp(steep) - 1)
        excess = max(pressure - rest, 0.0) / rest
        answer = inflammation + resorption
        inflow = self._arteries / (1 + body.hyperemia * answer / (1 + answer))
        outflow = self._veins * (1 + body.venous_squeeze * excess) * force.factor("outflow", week)
        outflow *= 1 + force.drive.onto.outflow * force.trigger(week, grown)
        flow = (body.arterial_pressure_mmhg - body.venous_pressure_mmhg) / (inflow + outflow)
        capillary = body.venous_pressure_mmhg + flow * outflow
        reflection = body.reflection * (
            1 - body.reflection_loss * inflammation / (1 + inflammation)
        )
        leak = body.filtration_ml * (
            1 + body.leak_inflammation * inflammation + body.leak_resorption * resorption
        )
        net = capillary - pressure - reflection * body.oncotic_difference_mmhg
        per_week = DAYS * self.region_ml / 100
        at_rest = body.filtration_ml * body.net_filtration_mmhg
        alive = 1 - min(force.dead_ml(week) / self.region_ml, 1.0)
        return Fluxes(
            pressure,
            capillary,
            flow * alive,
            per_week * leak * net,
            per_week * max(at_rest + body.drainage_ml * (pressure - rest), 0.0),
            per_week * force.vent(week) * excess * rest,
        )

    def change(self, week: float, state: Sequence[float]) -> list[float]:
        """d(state)/dt per week."""
        body, force = self.body, self.forcing
        fluid, injury, inflammation, resorption, grown, blood = state[:6]
        injury, grown = max(injury, 0.0), max(grown, 0.0)
        inflammation, resorption = max(inflammation, 0.0), max(resorption, 0.0)
        f = self.fluxes(week, fluid, inflammation, resorption, grown)
        excess = max(f.pressure_mmhg / body.intraosseous_pressure_mmhg - 1, 0.0)
        load, pace = force.load(week), force.person.pace
        trigger = force.trigger(week, grown)
        hurt = injury * (1 - body.load_on_injury + body.load_on_injury * load)
        damage = body.damage_per_week * max(load / force.drive.bone_strength - 1, 0.0)
        slowed = (1 + body.load_slows_healing * load) / (1 + body.load_slows_healing)
        healing = injury / (force.drive.heal_weeks * pace * slowed)
        inflames = (
            body.injury_inflames * hurt
            + force.drive.onto.inflammation * trigger
            + body.pressure_inflames * excess
        ) * force.factor("inflammation", week)
        resorbs = (
            body.injury_resorbs * hurt + force.drive.onto.resorption * trigger
        ) * force.factor("resorption", week)
        growing = 0.0
        if growth := force.growth:
            rate = math.log(2) / (growth.doubling_weeks * pace)
            growing = grown * (rate * (1 - grown / growth.most) - force.removed(week))
        # Hypothesis: nothing is known to show that pressure or less flow stops blood formation.
        formation = min(f.flow / body.flow_ml, 1.0) / (1 + body.pressure_stops_blood * excess)
        own = force.drive.pace
        return [
            f.filtered - f.drained - f.vented,
            damage - healing,
            (inflames - inflammation) / own.get("inflammation_weeks", body.inflammation_weeks),
            (resorbs - resorption) / own.get("resorption_weeks", body.resorption_weeks),
            growing,
            (formation - blood) / body.blood_formation_weeks,
            f.filtered,
            f.drained,
            f.vented,
        ]

    @property
    def _arteries(self) -> float:
        """Resistance before the capillaries at rest, mmHg per ml/min/100 g."""
        drop = self.body.arterial_pressure_mmhg - self.body.capillary_pressure_mmhg
        return max(drop, 1.0) / self.body.flow_ml

    @property
    def _veins(self) -> float:
        """Resistance after the capillaries at rest."""
        drop = self.body.capillary_pressure_mmhg - self.body.venous_pressure_mmhg
        return max(drop, 1.0) / self.body.flow_ml
