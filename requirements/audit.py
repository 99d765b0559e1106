"""Audit the locked dependencies: ``make audit``.

Asks the advisory database (pip-audit, with hashes). Where it cannot be reached, this says so, and
the reviewed list in ``known-bad.yaml`` stands in for it. Exit code 1 means that a locked version is
known to be bad.
"""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from packaging.specifiers import SpecifierSet

HERE = Path(__file__).parent
KNOWN_BAD = HERE / "known-bad.yaml"
ASKED = ("run.lock", "dev.lock")
"""Locks that the database is asked about; the list is compared with every lock."""

STALE_DAYS = 90
"""After this, the list is too old to stand in for the database without a word."""

PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def pinned(lock: str) -> list[tuple[str, str]]:
    """(name, version) of every pin in the text of a lock; a name may come twice."""
    return [(name.lower().replace("_", "-"), version) for name, version in PINNED.findall(lock)]


def listed_as_bad(pins: list[tuple[str, str]], known: Mapping[str, Any]) -> Iterator[str]:
    """A line for each pin that the list names."""
    for name, version in pins:
        for entry in known["packages"].get(name, ()):
            if SpecifierSet(entry["versions"]).contains(version, prereleases=True):
                yield f"{name} {version}: {entry['what']} ({entry['id']}, {entry['source']})"


def ask_database(lock: Path) -> tuple[list[str], int, int, str]:
    """Lines of what pip-audit found, packages asked about, packages not, and why not."""
    words = ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "--timeout", "20"]
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", "-r", str(lock), "-f", "json", *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return read_answer(done.stdout, done.stderr)


def read_answer(answer: str, said: str) -> tuple[list[str], int, int, str]:
    """What pip-audit printed. A package that the database does not know counts as not asked about:
    pip-audit passes over it without an error, also where all of them are."""
    try:
        found = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = said.strip().split("\n")[-1][:200]
        return [], 0, 0, last or "pip-audit gave no answer"
    asked = [one for one in found if "skip_reason" not in one]
    skipped = [one for one in found if "skip_reason" in one]
    bad = [
        f"{one['name']} {one['version']}: {fault['id']}, fixed in {fault.get('fix_versions')}"
        for one in asked
        for fault in one.get("vulns", ())
    ]
    why = str(skipped[0]["skip_reason"]).split(":")[0] if skipped else ""
    return bad, len(asked), len(skipped), why


def main() -> int:
    known = yaml.safe_load(KNOWN_BAD.read_text(encoding="utf-8"))
    bad: list[str] = []
    reached = True
    for name in ASKED:
        found, asked, skipped, why = ask_database(HERE / name)
        bad += found
        reached = reached and asked > 0
        rest = f"; {skipped} could not be asked about ({why})" if skipped else ""
        told = f"{asked} packages asked about{rest}" if asked else f"not reached: {rest[2:] or why}"
        sys.stdout.write(f"advisory database, {name}: {told}\n")
    for lock in sorted(HERE.glob("*.lock")):
        pins = pinned(lock.read_text(encoding="utf-8"))
        bad += listed_as_bad(pins, known)
        covered = len({name for name, _ in pins} & set(known["packages"]))
        sys.stdout.write(
            f"known-bad.yaml, {lock.name}: {len(pins)} pins, {covered} of them listed\n"
        )
    age = (datetime.datetime.now(datetime.UTC).date() - known["reviewed"]).days
    if not reached and age > STALE_DAYS:
        sys.stdout.write(f"known-bad.yaml was last reviewed {age} days ago: look up advisories\n")
    for line in sorted(set(bad)):
        sys.stdout.write(f"BAD {line}\n")
    sys.stdout.write(
        "audit: " + ("BAD versions are locked\n" if bad else "no bad version is locked\n")
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
