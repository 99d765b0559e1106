"""Run every benchmark: ``python -m benchmarks``, or ``make bench``.

One that fails does not stop the rest.
"""

from __future__ import annotations

import subprocess
import sys

ALL = (
    "geometry_second_reader",
    "edema_loso",
    "reader_agreement",
    "phantom_detection",
    "repeatability",
    "speed",
    "bones_contrast",
    "bones_outlines",
    "bones_negative",
    "bones_refused",
    "bones_speed",
    "zones_hip_ankle",
    "zones_knee",
    "causes",
    "follow_registration",
    "follow_patterns",
    "follow_repeat",
    "documents_second_readers",
    "exactly_once",
)


def main() -> None:
    failed = []
    for name in ALL:
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
    print("results: benchmarks/results/")
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
