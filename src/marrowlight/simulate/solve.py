"""Solving the equations of one place in bone over weeks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from marrowlight.errors import MarrowlightError
from marrowlight.simulate.bone_fluid import STATE, BoneFluid

RELATIVE_TOLERANCE = 1e-8
ABSOLUTE_TOLERANCE = 1e-9
"""In the units of the state, ml among them."""

LONGEST_STEP_WEEKS = 4.0

Values = NDArray[np.float64]


def solve(bone: BoneFluid, weeks: Values, *, tolerance: float = RELATIVE_TOLERANCE) -> Values:
    """The state over time.

    weeks : (T,) rising, from 0 on; tolerance : relative, of the solver. Returns (9, T) in the order
    of ``STATE``. Fluid answers within hours and injuries heal within months, so the equations are
    stiff: LSODA, which switches to an implicit method where that is needed, restarted wherever
    something jumps.
    """
    from scipy.integrate import solve_ivp

    out = np.empty((len(STATE), len(weeks)))
    state = bone.rest
    breaks = bone.forcing.breaks(float(weeks[-1]))
    if len(breaks) == 1:
        breaks = (breaks[0], breaks[0])
    for start, stop in pairwise(breaks):
        if start == bone.forcing.onset:
            state = bone.begin(state)
        last = stop == breaks[-1]
        here = (weeks >= start) & ((weeks <= stop) if last else (weeks < stop))
        at = weeks[here]
        if stop <= start:
            out[:, here] = np.asarray(state)[:, None]
            continue
        # Inputs jump at `stop`; a hair before it they are still those of this stretch.
        inside = np.nextafter(stop, start)
        found = solve_ivp(
            lambda t, y, top=inside: bone.change(min(t, top), y),
            (start, stop),
            state,
            method="LSODA",
            t_eval=np.unique(np.append(at, stop)),
            rtol=tolerance,
            atol=ABSOLUTE_TOLERANCE * tolerance / RELATIVE_TOLERANCE,
            max_step=LONGEST_STEP_WEEKS,
        )
        if not found.success:
            raise MarrowlightError(
                f"The equations could not be solved in weeks {start:g} to {stop:g}.",
                expected="parameters within their plausible span",
            )
        out[:, here] = found.y[:, : len(at)]
        state = tuple(found.y[:, -1].tolist())
    return out
