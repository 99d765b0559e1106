"""Weights are what was shipped, to the bit, or are refused; and no weights lead to another file."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from random import Random

import numpy as np
import pytest
import yaml

from marrowlight import onnx_session
from marrowlight.anatomy.network import load_network
from marrowlight.edema.parameters import load_parameters
from marrowlight.errors import WeightsError
from tests.anatomy.tiny_onnx import tiny_onnx

PACKAGES = ("anatomy", "edema")


def shipped(package: str) -> list[str]:
    folder = resources.files(f"marrowlight.{package}") / "weights"
    return sorted(f.name for f in folder.iterdir() if f.name.endswith(".onnx"))


def copied(package: str, out: Path) -> tuple[Path, Callable[[], object]]:
    """The folder of weights, copied, and what loads them."""
    with resources.as_file(resources.files(f"marrowlight.{package}")) as folder:
        shutil.copytree(folder / "weights", out / "weights")
        if package == "edema":
            shutil.copy(folder / "parameters.yaml", out)
            return out / "weights", lambda: load_parameters(out)
    return out / "weights", lambda: load_network(out / "weights")


@pytest.mark.parametrize(
    ("package", "name"), [(package, name) for package in PACKAGES for name in shipped(package)]
)
def test_a_flipped_bit_of_any_shipped_weights_is_refused_before_they_are_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, name: str
) -> None:
    def run(*_: object, **__: object) -> None:
        raise AssertionError("weights were run before they were checked")

    monkeypatch.setattr(onnx_session, "onnx_session", run)
    folder, load = copied(package, tmp_path)
    load()
    sound = (folder / name).read_bytes()
    chance = Random(name)
    for at in (0, len(sound) - 1, *(chance.randrange(len(sound)) for _ in range(6))):
        changed = bytearray(sound)
        changed[at] ^= 1 << chance.randrange(8)
        (folder / name).write_bytes(changed)
        with pytest.raises(WeightsError, match="do not match their hash"):
            load()
    (folder / name).write_bytes(sound[:-1])
    with pytest.raises(WeightsError, match="do not match their hash"):
        load()


@pytest.mark.parametrize(
    ("package", "name"), [(package, name) for package in PACKAGES for name in shipped(package)]
)
def test_shipped_weights_hold_all_of_their_numbers(package: str, name: str) -> None:
    content = (resources.files(f"marrowlight.{package}") / "weights" / name).read_bytes()
    assert b"\x0a\x08location\x12" not in content  # The key of external data in ONNX.


@pytest.mark.parametrize("location", ["outside.bin", "../weights/outside.bin", "{tmp}/outside.bin"])
def test_weights_that_keep_their_numbers_in_another_file_do_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    """Even with a hash that fits. By itself onnxruntime would look in the working folder."""
    folder = tmp_path / "weights"
    folder.mkdir()
    np.ones(9, np.float32).tofile(folder / "outside.bin")
    shutil.copy(folder / "outside.bin", tmp_path)
    monkeypatch.chdir(folder)
    onnx = tiny_onnx([1.0, 1.0, 1.0], outside=location.format(tmp=tmp_path))
    (folder / "limb.onnx").write_bytes(onnx)
    entry = {
        "file": "limb.onnx", "sha256": hashlib.sha256(onnx).hexdigest(),
        "classes": ["background", "femur", "tibia"], "joints": ["hip", "knee", "other"],
        "pixel_mm": 1.0, "gap_mm": 3.0, "percentile": 99.3, "clip": 1.6,
    }  # fmt: skip
    record = {"schema": "marrowlight.bone-networks/1", "networks": {"limb": entry}}
    (folder / "networks.yaml").write_text(yaml.safe_dump(record))
    network = load_network(folder)
    with pytest.raises(WeightsError, match="no network that can be run"):
        network.run(np.zeros((1, 3, 16, 16), np.float32))
