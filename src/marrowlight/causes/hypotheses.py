"""What may be the case: one cause, two that go together, or none of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from marrowlight.causes.knowledge import Knowledge, knowledge


@dataclass(frozen=True, eq=False)
class Hypotheses:
    """The space that is reasoned over: C single causes, then P pairs, then ``other``.

    causes : ids, in order; pairs : (P, 2) indexes into causes; names : causes of each of the
    H = C + P + 1 hypotheses; member : (H, C), True where a hypothesis holds a cause.
    """

    causes: tuple[str, ...]
    pairs: NDArray[np.intp]
    names: tuple[tuple[str, ...], ...]
    member: NDArray[np.bool_]


@lru_cache(maxsize=4)
def hypotheses(known: Knowledge | None = None) -> Hypotheses:
    """All hypotheses of a body of knowledge, the package's own by default."""
    known = known or knowledge()
    causes = tuple(known.causes)
    index = {cause: i for i, cause in enumerate(causes)}
    pairs = np.array(
        [(index[p.first], index[p.second]) for p in known.pairs.pairs], np.intp
    ).reshape(-1, 2)
    names = (
        *((cause,) for cause in causes),
        *((causes[a], causes[b]) for a, b in pairs),
        (),
    )
    member = np.array([[cause in name for cause in causes] for name in names])
    return Hypotheses(causes, pairs, names, member)
