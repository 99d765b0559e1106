"""What a person sees in the terminal: progress, tables and errors. Machines get JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from marrowlight.errors import MarrowlightError
    from marrowlight.stages import Progress


class Screen:
    """Where a command writes.

    quiet : nothing but errors; as_json : one JSON document on standard output, nothing else.
    """

    def __init__(self, *, quiet: bool, as_json: bool) -> None:
        self.quiet = quiet
        self.as_json = as_json

    @property
    def talks(self) -> bool:
        """Whether text for people is printed."""
        return not (self.quiet or self.as_json)

    def say(self, text: str) -> None:
        """One line for people."""
        if self.talks:
            sys.stdout.write(_shown(text) + "\n")

    def warn(self, texts: Sequence[str]) -> None:
        """Warnings, each once and on its own line, on standard error."""
        if self.talks:
            for text in dict.fromkeys(texts):
                sys.stderr.write(f"! {_shown(text)}\n")

    def result(self, value: Mapping[str, Any]) -> None:
        """The result for machines."""
        if self.as_json:
            sys.stdout.write(_json(value))

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table for people; columns that start with '>' are aligned to the right."""
        if not self.talks:
            return
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        table = Table(title=title, title_justify="left", header_style="bold", box=SIMPLE_HEAD)
        for name in columns:
            right = name.startswith(">")
            table.add_column(name.lstrip(">"), justify="right" if right else "left")
        for row in rows:
            table.add_row(*(escape(_shown(cell)) for cell in row))
        Console(width=None if sys.stdout.isatty() else 120).print(table)

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """A line that names the stage while it runs; silent where nobody looks."""
        if not self.talks or not sys.stderr.isatty():
            yield lambda _stage: None
            return
        from rich.console import Console
        from rich.progress import Progress as Bar
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("starting")
            yield lambda stage: bar.update(task, description=stage)

    def error(self, error: MarrowlightError) -> None:
        """An error of ours: text on standard error, and JSON on standard output if asked."""
        if self.as_json:
            detail = {
                "kind": type(error).__name__,
                "found": error.found,
                "where": error.where,
                "expected": error.expected,
                "do": error.do,
                "exit_code": error.exit_code,
            }
            sys.stdout.write(_json({"error": detail}))
            return
        sys.stderr.write(f"marrowlight: {_shown(str(error))}\n")


def _shown(text: str) -> str:
    """Text whose names from outside can neither steer the terminal nor fail to be written."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def _json(value: Mapping[str, Any]) -> str:
    """JSON for machines; what cannot be encoded stands as JSON's own escapes."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace").decode()
