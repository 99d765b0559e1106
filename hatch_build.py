"""Put NiiVue, the report's interactive viewer, into the package when it is built.

With Node, the pinned version of ``package-lock.json`` is fetched by ``npm ci`` (no scripts run,
integrity checked by npm) and its one script is copied into the package beside the licences of all
that it bundles. Without Node or without a network the package builds all the same, with a
message: the report then has everything but the interactive view, and says so.
``MARROWLIGHT_VIEWER=no`` leaves the viewer out; ``=required`` fails the build without it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ASSETS = "src/marrowlight/report/assets"
SCRIPT = "niivue.umd.js"
VERSION = "niivue.version.txt"
LICENCES = "niivue.licences.txt"
OWN_LICENCE = "niivue.LICENSE.txt"
NPM_SECONDS = 300


class ViewerBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Fetch the viewer unless the pinned version is there already."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        assets = root / ASSETS
        wish = os.environ.get("MARROWLIGHT_VIEWER", "auto")
        if wish == "no":
            for name in (SCRIPT, VERSION, LICENCES):
                (assets / name).unlink(missing_ok=True)
            return
        pinned = json.loads((root / "package.json").read_text())["dependencies"]["@niivue/niivue"]
        if _present(assets) == pinned:
            return
        reason = fetch_viewer(root, assets, pinned)
        if reason is None:
            return
        text = f"The report will have no interactive viewer: {reason}"
        if wish == "required":
            raise RuntimeError(text)
        self.app.display_warning(text)


def _present(assets: Path) -> str | None:
    """The version of the viewer that is in the package, if it is complete."""
    if not (assets / SCRIPT).is_file() or not (assets / VERSION).is_file():
        return None
    return (assets / VERSION).read_text().strip()


def fetch_viewer(root: Path, assets: Path, pinned: str) -> str | None:
    """Fetch the viewer into assets; returns why it could not be done, or None."""
    npm = shutil.which("npm")
    if npm is None:
        return "Node.js with npm was not found (install it and build again)."
    with tempfile.TemporaryDirectory(prefix="marrowlight-viewer-") as folder:
        work = Path(folder)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(root / name, work / name)
        command = [npm, "ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"]
        try:
            subprocess.run(command, cwd=work, check=True, capture_output=True, timeout=NPM_SECONDS)
        except subprocess.CalledProcessError as error:
            lines = error.stderr.decode(errors="replace").strip().splitlines()
            return f"npm could not fetch it ({lines[-1] if lines else error.returncode})."
        except (subprocess.TimeoutExpired, OSError) as error:
            return f"npm could not be run ({error})."
        modules = work / "node_modules"
        script = modules / "@niivue/niivue/dist" / SCRIPT
        if not script.is_file():
            return f"{SCRIPT} is not in the npm package of NiiVue {pinned}."
        assets.mkdir(parents=True, exist_ok=True)
        (assets / LICENCES).write_text(_licences(modules, assets / OWN_LICENCE), encoding="utf-8")
        shutil.copy(script, assets / SCRIPT)
        (assets / VERSION).write_text(pinned + "\n")
    return None


def _licences(modules: Path, own: Path) -> str:
    """The licence texts of NiiVue and of every package that its script bundles."""
    parts = ["@niivue/niivue\n\n" + (own.read_text(encoding="utf-8") if own.is_file() else "")]
    for package in sorted(modules.glob("**/package.json")):
        name = package.parent.relative_to(modules).as_posix()
        if name.count("/") > (1 if name.startswith("@") else 0):
            continue
        texts = [p for p in package.parent.iterdir() if p.name.lower().startswith("licen")]
        parts += [f"{name}\n\n{p.read_text(encoding='utf-8', errors='replace')}" for p in texts]
    return ("\n" + "-" * 80 + "\n\n").join(parts)
