"""Stage times of one run, and its peak memory."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Progress = Callable[[str], None]
"""Called with the plain name of each stage as it begins."""


@dataclass
class Stages:
    """Collects the seconds that each stage took, in the order in which they ran.

    on_start : told the name of each stage when it begins.
    """

    on_start: Progress | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block; a stage that runs twice adds up."""
        if self.on_start:
            self.on_start(name)
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def peak_memory_mb() -> float | None:
    """Largest resident memory of this process so far in MB (10^6 bytes); None where unknown."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak * (1.0 if sys.platform == "darwin" else 1024.0) / 1e6, 1)
