"""Push documents to a server: what it holds already is not stored again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from marrowlight.errors import ServerRefused
from marrowlight.network.dicomweb import DicomWeb
from marrowlight.network.outgoing import Outgoing

Told = Callable[[int, int], None]
"""Called with (files done, files in all)."""


@dataclass(frozen=True)
class Pushed:
    """How many files were stored now, and how many the server held before."""

    stored: int
    held: int


def push_files(server: DicomWeb, files: Sequence[Outgoing], *, told: Told | None = None) -> Pushed:
    """Store what the server does not hold yet, and see that it holds all of it afterwards.

    A try that is cut off is made good by the next: instances keep their UIDs.

    Raises
    ------
    ServerRefused
        The server did not take a file, or says afterwards that it does not hold it.
    AccessDenied, ServerUnreachable, LimitExceeded, UnreadableFile
    """
    stored = held = 0
    for study, group in groupby(sorted(files, key=lambda f: f.study), key=lambda f: f.study):
        wanted = list(group)
        there = {one.uid for one in server.instances(study)}
        missing = [one for one in wanted if one.uid not in there]
        held += len(wanted) - len(missing)
        for one in missing:
            if told:
                told(stored + held, len(files))
            server.store(one)
            stored += 1
        if missing:
            there = {one.uid for one in server.instances(study)}
            lost = [one for one in missing if one.uid not in there]
            if lost:
                raise ServerRefused(
                    f"The server took {len(missing)} files and does not list {len(lost)} of them.",
                    where=server.url,
                    do="push again after a while; what is there is not stored twice",
                )
    if told:
        told(len(files), len(files))
    return Pushed(stored, held)
