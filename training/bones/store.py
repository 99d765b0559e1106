"""The store of scenes on disk: made once, read by every training process."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from training.bones.maps import CLEARED, TEST_PEOPLE, map_files, person_of, read_map
from training.bones.scene import Scene, make_scene


def build_scenes(anatomy: Path, store: Path, *, variants: int, tell=print) -> int:
    """Make ``variants`` scenes of every map that is trained on; what is there stays.

    Returns the number of scenes in the store.
    """
    files = [(f, site) for f, site in map_files(anatomy)
             if person_of(f.name.split(".")[0], site) not in TEST_PEOPLE[site]]  # fmt: skip
    for variant in range(variants):
        for path, site in files:
            name = path.name.split(".")[0]
            folder = store / f"{name}-{variant}"
            if (folder / "about.npz").exists():
                continue
            scene = make_scene(read_map(path, site), zlib.crc32(f"{name}/{variant}".encode()))
            scene.save(folder)
            tell(f"{folder.name}: {scene.tissue.shape}")
    return len(scene_folders(store))


def scene_folders(store: Path, *, cleared_only: bool = False) -> list[Path]:
    """Finished scenes in a store, sorted."""
    found = sorted(p.parent for p in store.glob("*/about.npz"))
    return [p for p in found if p.name.startswith(CLEARED)] if cleared_only else found


class SceneStore:
    """Scenes by site; new ones are noticed while training runs."""

    def __init__(self, store: Path, *, cleared_only: bool = False) -> None:
        self._store, self._cleared = store, cleared_only
        self._open: dict[Path, Scene] = {}
        self._drawn = 0
        self._sites: dict[str, list[Path]] = {}
        self._scan()

    def _scan(self) -> None:
        self._sites = {}
        for folder in scene_folders(self._store, cleared_only=self._cleared):
            site = {"libhip": "hip", "talocr": "ankle"}.get(folder.name[:6], "knee")
            self._sites.setdefault(site, []).append(folder)
        if not self._sites:
            raise FileNotFoundError(f"No scenes in {self._store}; make them first (scenes).")

    def draw(self, site: str, rng: np.random.Generator) -> Scene:
        """A random scene of a site."""
        self._drawn += 1
        if self._drawn % 500 == 0:
            self._scan()
        folder = self._sites[site][rng.integers(len(self._sites[site]))]
        if folder not in self._open:
            self._open[folder] = Scene.load(folder)
        return self._open[folder]
