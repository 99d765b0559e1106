"""Run the command line as a user does, and keep every temporary file that it makes."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

KEEPER = '''
import os, shutil, sys

kept, watched = os.environ["KEPT"], os.environ["WATCHED"]
busy = False

def keep(event, args):
    """Copy what is about to be removed or renamed below the watched folder."""
    global busy
    if busy or event not in ("os.remove", "shutil.rmtree", "os.rename"):
        return
    path = os.fsdecode(args[0]) if isinstance(args[0], (str, bytes, os.PathLike)) else ""
    if not os.path.isabs(path) or not path.startswith(watched) or path.startswith(kept):
        return
    busy = True
    try:
        name = f"{os.getpid()}-{len(os.listdir(kept))}-{os.path.basename(path)}"
        place = os.path.join(kept, name)
        if os.path.isdir(path):
            shutil.copytree(path, place)
        elif os.path.isfile(path):
            shutil.copyfile(path, place)
    except OSError:
        pass
    finally:
        busy = False

sys.addaudithook(keep)
if broken := os.environ.get("BROKEN"):
    module, name = broken.rsplit(".", 1)
    import importlib
    def fail(*args, **more):
        raise ValueError("quoted: " + os.environ["QUOTED"])
    setattr(importlib.import_module(module), name, fail)
'''
"""Runs when Python starts, in the children too."""


@dataclass
class Watched:
    """A place where commands run.

    root : of all inputs and outputs; kept : copies of files that were there for a moment;
    temporary : TMPDIR; said : standard output and error of every command
    """

    root: Path
    said: list[str] = field(default_factory=list)

    @property
    def kept(self) -> Path:
        return self.root / "kept"

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"

    def run(self, *arguments: object, file_bytes: int | None = None, **environment: str) -> int:
        """Exit code of one command; ``file_bytes`` is the largest file that may be written."""
        hook = self.root / "hook"
        for folder in (self.kept, self.temporary, hook):
            folder.mkdir(exist_ok=True)
        (hook / "sitecustomize.py").write_text(KEEPER)
        settings = {
            **os.environ, "TMPDIR": str(self.temporary), "KEPT": str(self.kept),
            "WATCHED": str(self.root), "PYTHONPATH": str(hook), "MARROWLIGHT_DEBUG": "1",
            **environment,
        }  # fmt: skip

        def limit() -> None:
            if file_bytes is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))

        done = subprocess.run(
            [sys.executable, "-m", "marrowlight", *map(str, arguments)],
            capture_output=True, env=settings, preexec_fn=limit, cwd=self.root, check=False,
        )  # fmt: skip
        self.said.append((done.stdout + done.stderr).decode())
        return done.returncode
