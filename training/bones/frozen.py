"""The frozen test set: stacks of people that no network is trained on.

``frozen.yaml`` names the commit and the hash of the generator that made the set, and the seed of
every stack. A later generator never changes the set: where the hash differs, the files of that
commit are taken from the history of the repository.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from training.bones.contrast import draw_contrast
from training.bones.corrupt import corrupt, draw_corruption
from training.bones.maps import TEST_PEOPLE, map_files, person_of, read_map
from training.bones.sample import AXES, PLANES, Pose, draw_shape, picture
from training.bones.scene import Scene, make_scene

GENERATOR = (
    "tissue", "maps", "paint", "limb", "structures", "scene", "contrast", "render", "corrupt",
    "sample", "frozen",
)  # fmt: skip
"""Modules that decide how a stack of the set looks."""

FAMILIES = {
    "knee": ("fat_suppressed", "water_selective", "not_suppressed", "half_suppressed"),
    "hip": ("fat_suppressed", "not_suppressed", "water_selective"),
    "ankle": ("fat_suppressed", "not_suppressed", "water_selective"),
}
FIELD_MM = {"knee": 160, "hip": 190, "ankle": 150}
DEPTH_MM = {"knee": (100, 110, 130), "hip": (130, 110, 130), "ankle": (90, 150, 110)}
"""Extent of the stack along its normal for sagittal, coronal and axial planes. Unit: mm."""
PIXEL_MM = 0.6


@dataclass(frozen=True, eq=False)
class Stack:
    """One synthetic series and the bones in it.

    image : (I, J, K) float32, columns, rows, slices; labels : the same grid, registry labels
    affine : (4, 4) voxel index to RAS+ mm
    """

    image: NDArray[np.float32]
    labels: NDArray[np.uint8]
    affine: NDArray[np.float64]
    name: str
    site: str
    plane: str
    family: str


def generator_hash(folder: Path | None = None) -> str:
    """SHA-256 over the generator's own source."""
    folder = folder or Path(__file__).parent
    digest = hashlib.sha256()
    for name in GENERATOR:
        digest.update((folder / f"{name}.py").read_bytes())
    return digest.hexdigest()


def read_frozen() -> dict[str, str]:
    """``generator_sha256`` and ``commit`` of the set."""
    text = resources.files(__package__).joinpath("frozen.yaml").read_text(encoding="utf-8")
    frozen: dict[str, str] = yaml.safe_load(text)
    return frozen


def plans(anatomy: Path, *, evaluation_only: bool = False) -> Iterator[tuple[Path, str, str, str]]:
    """File, site, plane and contrast family of every stack, in a fixed order."""
    for number, (path, site) in enumerate(map_files(anatomy, evaluation_only=evaluation_only)):
        person = person_of(path.name.split(".")[0], site)
        if evaluation_only:
            # Other people's bones: one contrast for each plane, in turn.
            for n, plane in enumerate(PLANES):
                yield path, site, plane, FAMILIES[site][(number + n) % 3]
        elif person in TEST_PEOPLE[site]:
            for plane in PLANES:
                for family in FAMILIES[site]:
                    yield path, site, plane, family


def make_stack(scene: Scene, plane: str, family: str, seed: int) -> Stack:
    """A stack of parallel slices through the whole joint, as a scanner would take it."""
    rng = np.random.default_rng(seed)
    axes, waves = draw_shape(scene, plane, rng, tilt_deg=5)
    fold = np.array([scene.site == "hip", scene.midline, 1], np.float32)
    off = np.array([0, 14, -16]) if scene.site == "ankle" else np.zeros(3)
    centre = (scene.joint + (off + rng.normal(0, 4, 3)) / 0.75).astype(np.float32)
    gap = float(rng.uniform(2.8, 4.2))
    count = round(DEPTH_MM[scene.site][PLANES.index(plane)] / gap)
    positions = (np.arange(count) - (count - 1) / 2) * gap
    size = round(FIELD_MM[scene.site] / PIXEL_MM)
    contrast = draw_contrast(rng, family)
    image, labels = picture(scene, Pose(centre, axes, fold, waves), PIXEL_MM, positions,
                            gap * rng.uniform(0.7, 1.0), size, contrast, rng)  # fmt: skip
    image, seen = corrupt(image, draw_corruption(rng), PIXEL_MM, rng)
    columns, rows, normal = (np.array(a, float) for a in AXES[plane])
    affine = np.eye(4)
    affine[:3, :3] = np.stack([columns * PIXEL_MM, rows * PIXEL_MM, normal * gap], 1)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array([size, size, count]) - 1) / 2)
    return Stack(image.transpose(2, 1, 0).copy(), (labels[:, 1] * seen).transpose(2, 1, 0).copy(),
                 affine, f"{scene.name}-{plane}-{family}", scene.site, plane, family)  # fmt: skip


def write_stacks(anatomy: Path, out: Path, *, evaluation_only: bool = False) -> int:
    """Make every stack that is not there yet; returns their number."""
    out.mkdir(parents=True, exist_ok=True)
    scenes: dict[Path, Scene] = {}
    count = 0
    for path, site, plane, family in plans(anatomy, evaluation_only=evaluation_only):
        name = path.name.split(".")[0]
        file = out / f"{site}-{name}-{plane}-{family}.npz"
        count += 1
        if file.exists():
            continue
        if path not in scenes:
            scenes = {path: make_scene(read_map(path, site), zlib.crc32(f"frozen/{name}".encode()))}
        stack = make_stack(scenes[path], plane, family,
                           zlib.crc32(f"frozen/{name}/{plane}/{family}".encode()))  # fmt: skip
        part = file.with_suffix(".part.npz")
        np.savez_compressed(part, image=stack.image, labels=stack.labels, affine=stack.affine,
                            name=stack.name, site=site, plane=plane, family=family)  # fmt: skip
        part.replace(file)
    return count


def write_frozen(anatomy: Path, out: Path) -> int:
    """Write the frozen set and ``evaluation_only`` with the generator of the commit it names.

    Returns the number of stacks.
    """
    frozen = read_frozen()
    if generator_hash() == frozen["generator_sha256"]:
        return write_stacks(anatomy, out) + write_stacks(
            anatomy, out / "evaluation_only", evaluation_only=True
        )
    root = Path(__file__).parents[2]
    with tempfile.TemporaryDirectory() as folder:
        tree = subprocess.run(["git", "archive", frozen["commit"], "training"], cwd=root,
                              check=True, capture_output=True).stdout  # fmt: skip
        subprocess.run(["tar", "x"], cwd=folder, input=tree, check=True)
        found = generator_hash(Path(folder) / "training" / "bones")
        if found != frozen["generator_sha256"]:
            raise RuntimeError(f"Commit {frozen['commit']} holds another generator ({found}).")
        code = ("import sys; from pathlib import Path; from training.bones.frozen import *; "
                "a, o = map(Path, sys.argv[1:]); write_stacks(a, o); "
                "write_stacks(a, o / 'evaluation_only', evaluation_only=True)")  # fmt: skip
        subprocess.run([sys.executable, "-c", code, anatomy.resolve(), out.resolve()], cwd=folder,
                       check=True)  # fmt: skip
    return len(list(out.glob("**/*.npz")))
