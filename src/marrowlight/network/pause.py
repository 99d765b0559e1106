"""Something that all studies need is not there: wait, longer each time, and say so once."""

from __future__ import annotations

from marrowlight.network.log import JobLog


class Pause:
    """A pause until the server, or the disk, is back.

    name : for log lines; first_s, most_s : waits, twice as long each time. s.
    """

    def __init__(self, name: str, log: JobLog, *, first_s: float = 2.0, most_s: float = 60.0):
        self._name, self._log = name, log
        self._first_s, self._most_s = first_s, most_s
        self._failures = 0
        self.until = 0.0

    @property
    def on(self) -> bool:
        """Whether it was missing at the last try."""
        return self._failures > 0

    def over(self, now: float) -> bool:
        """Whether another try is due."""
        return now >= self.until

    def longer(self, now: float, why: str) -> float:
        """It is missing, still or anew; for how long to wait. s."""
        self._failures += 1
        wait = min(self._most_s, self._first_s * 2.0 ** (self._failures - 1))
        self.until = now + wait
        if self._failures == 1:
            self._log.error("%s: %s Work waits and goes on by itself.", self._name, why)
        return wait

    def end(self) -> None:
        """It is there."""
        if self.on:
            self._log.info("%s: back again", self._name)
        self._failures, self.until = 0, 0.0
