"""What runs inside the child process that reads untrusted files; ``child`` starts it.

It is told what to do by one line of JSON on its input, and tells what it found on its output:
``{"at": [done, total, name]}`` before each file, what the file gave (``packing``), and at the end
``{"done": true}`` or ``{"failure": {...}}``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from marrowlight.errors import MarrowlightError
from marrowlight.study.confine import confine
from marrowlight.study.limits import Limits

OUT_OF_MEMORY = 75
"""Exit code of a child that ran out of memory (EX_TEMPFAIL)."""


def _main() -> int:
    # Libraries that print to standard output must not end up among the messages.
    out = os.fdopen(os.dup(1), "wb", buffering=1024 * 1024)
    os.dup2(2, 1)
    request = json.loads(sys.stdin.readline())
    limits = Limits(**request["limits"])
    confine(limits.memory_bytes, limits.seconds, request["parent"])
    from marrowlight.study.wire import send

    def tell(done: int, total: int, name: str) -> None:
        send(out, {"at": [done, total, name]})

    try:
        work = _mask if request["do"] == "mask" else _files
        for message in work(request, limits, tell):
            send(out, *message)
        send(out, {"done": True})
    except MarrowlightError as error:
        told = {"kind": type(error).__name__, "found": error.found, "where": error.where,
                "expected": error.expected, "do": error.do}  # fmt: skip
        send(out, {"failure": told})
    except MemoryError:
        return OUT_OF_MEMORY
    return 0


def _files(request: dict[str, Any], limits: Limits, tell: Any) -> Iterator[Any]:
    from marrowlight.study.packing import pack
    from marrowlight.study.parse import parse_each

    for found in parse_each(request["paths"], limits, tell):
        yield pack(found)


def _mask(request: dict[str, Any], limits: Limits, tell: Any) -> Iterator[Any]:
    import numpy as np

    from marrowlight.study.grid import Grid
    from marrowlight.study.maskfile import decode_mask
    from marrowlight.study.packing import pack_mask

    tell(1, 1, request["path"])
    like = [Grid(tuple(shape), np.array(affine)) for shape, affine in request["like"]]
    yield pack_mask(decode_mask(Path(request["path"]), like, limits))


if __name__ == "__main__":
    sys.exit(_main())
