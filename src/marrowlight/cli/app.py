"""The command line: one command a file, errors and exit codes in one place.

Exit codes: 0 done, 1 our error, 2 usage, 3 refused or read only in part, 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import sys

import typer

from marrowlight.cli import (
    ask,
    bones,
    causes,
    deidentify,
    demo,
    explain,
    export,
    follow,
    inspect,
    measure,
    phantom,
    pull,
    push,
    read,
    simulate,
    watch,
)
from marrowlight.cli.console import Screen

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells count it: 128 and the number of the signal."""

app = typer.Typer(
    name="marrowlight",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Finds and measures bone marrow edema on MRI of hip, knee, ankle and sacroiliac joint.\n\n"
    "Start with `marrowlight demo`, then `marrowlight inspect FOLDER` on an exam of yours.\n\n"
    "It supports a reader and replaces none; it is no medical device.",
)
app.command("read")(read.command)
app.command("inspect")(inspect.command)
app.command("bones")(bones.command)
app.command("follow")(follow.command)
app.command("explain")(explain.command)
app.command("ask")(ask.command)
app.command("export")(export.command)
app.command("measure")(measure.command)
app.command("pull")(pull.command)
app.command("push")(push.command)
app.command("watch")(watch.command)
app.command("phantom")(phantom.command)
app.command("deidentify")(deidentify.command)
app.command("simulate")(simulate.command)
app.command("demo")(demo.command)
app.add_typer(causes.app, name="causes")


def _version(show: bool) -> None:
    if show:
        from marrowlight.version import __version__

        sys.stdout.write(f"marrowlight {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Options before any command."""


def main() -> None:
    """Entry point: runs the command, turns every error into a message and an exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code. Never raises."""
    from marrowlight.errors import MarrowlightError, OutputNotWritable

    screen = Screen(quiet=False, as_json="--json" in arguments)
    try:
        code = int(app(args=arguments, prog_name="marrowlight", standalone_mode=False) or 0)
    except typer.TyperException as error:
        show = getattr(error, "show", None)
        if show:
            show()
        else:
            sys.stderr.write(f"marrowlight: {error}\n")
        return 2
    except MarrowlightError as error:
        screen.error(error)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 (so that Python's own flush at exit is silent)
        return 1
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            screen.error(
                OutputNotWritable(
                    "The disk is full.",
                    where=error.filename,
                    do="free some space and run again; nothing was left half written",
                )
            )
            return 1
        return _unforeseen(screen, error)
    except Exception as error:  # noqa: BLE001 (a traceback helps nobody at the command line)
        return _unforeseen(screen, error)
    if code == INTERRUPTED:
        sys.stderr.write("marrowlight: interrupted; nothing was left half written.\n")
    return code


def _unforeseen(screen: Screen, error: BaseException) -> int:
    """An error that nobody foresaw: no traceback at a user, unless asked for."""
    from marrowlight.errors import MarrowlightError

    if os.environ.get("MARROWLIGHT_DEBUG"):
        sys.stderr.write(_frames(error))
    kind = type(error).__name__
    screen.error(
        MarrowlightError(
            f"Something went wrong that should not ({kind}). This is a fault of Marrowlight.",
            do="set MARROWLIGHT_DEBUG=1 and run again to see where, and report it without patient "
            "data",
        )
    )
    return 1


def _frames(error: BaseException) -> str:
    """Where an error arose, and its causes, without their words: parsers quote what they read."""
    import traceback

    lines = []
    one: BaseException | None = error
    while one is not None:
        lines += [type(one).__name__ + "\n", *traceback.format_tb(one.__traceback__)]
        one = one.__cause__ or one.__context__
    return "".join(lines)
