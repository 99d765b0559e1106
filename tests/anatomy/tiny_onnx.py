"""A tiny ONNX network, written byte by byte: the tests need no package that makes one.

Protocol buffers: every field is a key (number * 8 + wire type) and a value; field numbers are
those of onnx.proto. The network multiplies the middle slice by one number per class (a 1x1
convolution) and gives the mean of each class over the picture as the joint.
"""

from __future__ import annotations

import struct


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def _int(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _bytes(number: int, value: bytes | str) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(raw)) + raw


def _value(name: str, dims: list[str | int]) -> bytes:
    shape = b"".join(_bytes(1, _bytes(2, d) if isinstance(d, str) else _int(1, d)) for d in dims)
    tensor = _int(1, 1) + _bytes(2, shape)
    return _bytes(1, name) + _bytes(2, _bytes(1, tensor))


def _node(kind: str, inputs: list[str], output: str) -> bytes:
    return b"".join(_bytes(1, i) for i in inputs) + _bytes(2, output) + _bytes(4, kind)


def tiny_onnx(factors: list[float], *, outside: str | None = None) -> bytes:
    """A model with outputs "logits" (N, C, H, W) and "joint" (N, C); C = len(factors).

    outside : a file that it says its weights are in, instead of holding them
    """
    weights = [w for f in factors for w in (0.0, f, 0.0)]
    tensor = b"".join(_int(1, d) for d in (len(factors), 3, 1, 1)) + _int(2, 1)
    if outside is None:
        tensor += _bytes(9, struct.pack(f"<{len(weights)}f", *weights)) + _bytes(8, "w")
    else:
        tensor += _bytes(8, "w") + _int(14, 1)
        tensor += _bytes(13, _bytes(1, "location") + _bytes(2, outside))
    graph = _bytes(1, _node("Conv", ["slices", "w"], "logits"))
    graph += _bytes(1, _node("GlobalAveragePool", ["logits"], "mean"))
    graph += _bytes(1, _node("Flatten", ["mean"], "joint"))
    graph += _bytes(2, "tiny") + _bytes(5, tensor)
    graph += _bytes(11, _value("slices", ["n", 3, "h", "w"]))
    graph += _bytes(12, _value("logits", ["n", len(factors), "h", "w"]))
    graph += _bytes(12, _value("joint", ["n", len(factors)]))
    return _int(1, 8) + _bytes(7, graph) + _bytes(8, _int(2, 13))
