"""From a checkpoint to the ONNX file that the product runs, and its entry in ``networks.yaml``."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

from marrowlight.onnx_session import onnx_session
from training.bones.network import BoneNet
from training.bones.tissue import JOINTS

OPSET = 17


def load_net(weights: Path) -> BoneNet:
    """The averaged network of a checkpoint, ready to infer."""
    state = torch.load(weights, weights_only=True, map_location="cpu")["smooth"]
    classes = state["bones.bias"].shape[0] // 4
    net = BoneNet(classes, len(JOINTS))
    net.load_state_dict(state)
    return net.eval()


def export(weights: Path, file: Path) -> str:
    """Write the ONNX file; returns its SHA-256.

    Batch normalisation is folded into the convolutions, and weights are stored in half precision
    (they are widened when the file is loaded). Raises RuntimeError if the two networks disagree.
    """
    net = load_net(weights)
    file.parent.mkdir(parents=True, exist_ok=True)
    model = _graph(net)
    onnx.checker.check_model(model)
    part = file.with_suffix(".part")
    part.write_bytes(model.SerializeToString())
    _compare(net, part)
    part.replace(file)
    return hashlib.sha256(file.read_bytes()).hexdigest()


class _Writer:
    """Collects the nodes and the stored arrays of a graph."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.stored: list[onnx.TensorProto] = []
        self._count = 0

    def add(self, kind: str, inputs: list[str], **attributes: object) -> str:
        self._count += 1
        name = f"t{self._count}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def half(self, values: torch.Tensor) -> str:
        """Stored in half precision, used in single precision."""
        self._count += 1
        name = f"w{self._count}"
        array = values.detach().numpy().astype(np.float16)
        self.stored.append(numpy_helper.from_array(array, name))
        return self.add("Cast", [name], to=onnx.TensorProto.FLOAT)

    def exact(self, values: np.ndarray) -> str:
        self._count += 1
        name = f"c{self._count}"
        self.stored.append(numpy_helper.from_array(values, name))
        return name


def _graph(net: BoneNet) -> onnx.ModelProto:
    w = _Writer()
    # torch's pixel_unshuffle: channel order (channel, row, column).
    x = w.add("SpaceToDepth", ["slices"], blocksize=2)
    x = w.add("Gather", [x, w.exact(_unshuffle_order(3))], axis=1)
    kept = []
    for n, block in enumerate(net.down):
        if n:
            x = w.add("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2])
        x = _convolutions(w, x, block)
        kept.append(x)
    pooled = w.add("Concat", [w.add("GlobalAveragePool", [x]), w.add("GlobalMaxPool", [x])], axis=1)
    joint = w.add("Flatten", [pooled])
    first, last = net.joint[0], net.joint[2]
    joint = w.add(
        "Relu", [w.add("Gemm", [joint, w.half(first.weight), w.half(first.bias)], transB=1)]
    )
    w.nodes.append(helper.make_node("Gemm", [joint, w.half(last.weight), w.half(last.bias)],
                                    ["joint"], transB=1))  # fmt: skip
    scales = w.exact(np.array([1, 1, 2, 2], np.float32))
    for n, block in enumerate(net.up):
        x = w.add("Resize", [x, "", scales], mode="nearest", nearest_mode="floor",
                  coordinate_transformation_mode="asymmetric")  # fmt: skip
        x = _convolutions(w, w.add("Concat", [x, kept[-2 - n]], axis=1), block)
    x = w.add("Conv", [x, w.half(net.bones.weight), w.half(net.bones.bias)], kernel_shape=[1, 1])
    w.nodes.append(helper.make_node("DepthToSpace", [x], ["logits"], blocksize=2, mode="CRD"))
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        w.nodes, "bones", [value("slices", onnx.TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [value("logits", onnx.TensorProto.FLOAT, ["n", net.classes, "h", "w"]),
         value("joint", onnx.TensorProto.FLOAT, ["n", net.joints])], w.stored,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 8
    return model


def _unshuffle_order(channels: int, block: int = 2) -> np.ndarray:
    """ONNX puts the place within a block first and the channel last; torch the other way round."""
    return np.array([place * channels + c for c in range(channels) for place in range(block**2)],
                    np.int64)  # fmt: skip


def _convolutions(w: _Writer, x: str, block: torch.nn.Sequential) -> str:
    for n in (0, 3):
        conv, norm = block[n], block[n + 1]
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        weight = conv.weight * scale[:, None, None, None]
        bias = norm.bias - norm.running_mean * scale
        x = w.add("Conv", [x, w.half(weight), w.half(bias)], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        x = w.add("Relu", [x])
    return x


def _compare(net: BoneNet, file: Path) -> None:
    slices = np.random.default_rng(0).random((2, 3, 64, 96), np.float32)
    session = onnx_session(file.read_bytes())
    found = session.run(None, {"slices": slices})
    with torch.no_grad():
        wanted = [t.numpy() for t in net(torch.from_numpy(slices))]
    for name, a, b in zip(("logits", "joint"), found, wanted, strict=True):
        p, q = (np.exp(t - t.max(1, keepdims=True)) for t in (a, b))
        gap = np.abs(p / p.sum(1, keepdims=True) - q / q.sum(1, keepdims=True)).max()
        if gap > 0.02:
            raise RuntimeError(f"{file.name}: {name} differ by {gap:.3f} from the checkpoint.")
