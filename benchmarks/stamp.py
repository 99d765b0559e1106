"""Date and commit of a benchmark run."""

from __future__ import annotations

import datetime
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def stamp() -> dict[str, str]:
    """``{"date": ..., "commit": ..., "cores": ...}``; the commit ends in ``+`` if files changed."""

    def git(*words: str) -> str:
        out = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        return out.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "src")
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": git("rev-parse", "--short", "HEAD") + ("+" if changed else ""),
        "cores": str(os.cpu_count()),
    }


def data_root() -> Path | None:
    """The folder of real data: $MARROWLIGHT_DATA, or ../shared/data beside the checkout."""
    for candidate in (os.environ.get("MARROWLIGHT_DATA"), ROOT.parent / "shared" / "data"):
        if candidate and Path(candidate).is_dir():
            return Path(candidate)
    return None
