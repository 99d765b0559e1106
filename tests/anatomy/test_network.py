"""The networks: hash, contract, errors."""

import hashlib
import pickle

import numpy as np
import pytest
import yaml

from marrowlight.anatomy.network import load_network
from marrowlight.errors import WeightsError
from marrowlight.study.study import Joint
from tests.anatomy.tiny_onnx import tiny_onnx


def write_set(folder, *, names=("limb",), schema="marrowlight.bone-networks/1", **change):
    networks = {}
    for name in names:
        onnx = tiny_onnx([0.0, 1.0, 2.0 if name == "limb" else 3.0])
        (folder / f"{name}.onnx").write_bytes(onnx)
        networks[name] = {
            "file": f"{name}.onnx",
            "sha256": hashlib.sha256(onnx).hexdigest(),
            "classes": ["background", "femur", "tibia"],
            "joints": ["hip", "knee", "other"],
            "pixel_mm": 1.0,
            "gap_mm": 3.0,
            "percentile": 99.3,
            "clip": 1.6,
        } | change
    (folder / "networks.yaml").write_text(yaml.safe_dump({"schema": schema, "networks": networks}))
    return folder


def test_slices_become_logits_and_a_joint(tmp_path):
    network = load_network(write_set(tmp_path))
    slices = np.zeros((2, 3, 16, 32), np.float32)
    slices[1, 1] = 0.5
    logits, joint = network.run(slices)
    assert logits.shape == (2, 3, 16, 32)
    assert np.allclose(logits[1, :, 3, 3], [0, 0.5, 1.0])
    assert np.allclose(joint[1], [0, 0.5, 1.0])
    assert not logits[0].any()


def test_weights_that_were_changed_are_refused(tmp_path):
    file = write_set(tmp_path) / "limb.onnx"
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(WeightsError, match="do not match their hash"):
        load_network(tmp_path)


def test_a_missing_file_is_a_weights_error(tmp_path):
    (write_set(tmp_path) / "limb.onnx").unlink()
    with pytest.raises(WeightsError, match="cannot be read"):
        load_network(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"classes": ["femur", "tibia"]}, "background"),
        ({"classes": ["background", "elbow"]}, "registry"),
        ({"joints": ["shoulder"]}, "shoulder"),
        ({"pixel_mm": 0}, "pixel_mm"),
        ({"colour": "red"}, "colour"),
        ({"file": "../limb.onnx"}, "file"),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(tmp_path, change, said):
    with pytest.raises(WeightsError, match=said):
        load_network(write_set(tmp_path, **change))


def test_another_schema_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="schema"):
        load_network(write_set(tmp_path, schema="marrowlight.bone-networks/0"))


def test_a_set_without_the_limb_network_says_what_to_do(tmp_path):
    with pytest.raises(WeightsError, match="holds no bone network"):
        load_network(write_set(tmp_path, names=()))


def test_each_joint_gets_the_network_of_its_own(tmp_path):
    network = load_network(write_set(tmp_path, names=("limb", "sacroiliac")))
    slices = np.ones((1, 3, 16, 16), np.float32)
    assert network.for_joint(Joint.SACROILIAC).run(slices)[0].max() == 3.0
    assert network.for_joint(Joint.KNEE).run(slices)[0].max() == 2.0
    assert network.sha256 == network.for_joint(Joint.SACROILIAC).sha256


def test_it_travels_to_another_process_after_it_ran(tmp_path):
    network = load_network(write_set(tmp_path))
    slices = np.ones((1, 3, 16, 16), np.float32)
    before = network.run(slices)[0]
    assert np.array_equal(pickle.loads(pickle.dumps(network)).run(slices)[0], before)
