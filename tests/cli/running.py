"""Run a command line in process and see what a user would see."""

from __future__ import annotations

from dataclasses import dataclass

from marrowlight.cli.app import run


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


def run_cli(capsys, *arguments: object) -> Outcome:
    """Exit code, standard output and standard error of one command line."""
    capsys.readouterr()
    code = run([str(a) for a in arguments])
    seen = capsys.readouterr()
    return Outcome(code, seen.out, seen.err)
