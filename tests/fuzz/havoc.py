"""Damage that knows nothing of the format: bits, cuts, repeats, numbers."""

from __future__ import annotations

from random import Random

NUMBERS = (0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 1023, 4095, 4096, 32767,
           32768, 65534, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1, 2**40,
           2**63 - 1, 2**63, 2**64 - 1)  # fmt: skip
"""Where sizes and signs break."""

WORDS = (
    "", "0", "-1", "1", "65535", "65536", "2147483648", "4294967295", "9" * 400, "9" * 5000,
    "1e308", "1e309", "-1e309", "nan", "inf", "-inf", "0x7f", "1.5", "1\\2", "1\\" * 400, "..",
    "/etc/passwd", "\x00", "\udcff", "%s%n", "'; --", "A" * 70000, "[" * 3000, "{" * 3000,
)  # fmt: skip
"""Where texts that should be numbers break."""


def bit(r: Random, data: bytes) -> bytes:
    """One to eight flipped bits."""
    out = bytearray(data)
    for _ in range(r.randint(1, 8)):
        at = place(r, data)
        out[at] ^= 1 << r.randrange(8)
    return bytes(out)


def noise(r: Random, data: bytes) -> bytes:
    """A run of random bytes over others."""
    at, size = place(r, data), r.choice((1, 2, 4, 8, 64))
    return data[:at] + r.randbytes(size) + data[at + size :]


def cut(r: Random, data: bytes) -> bytes:
    """Cut off."""
    return data[: place(r, data)]


def lose(r: Random, data: bytes) -> bytes:
    """A run of bytes is gone."""
    at = place(r, data)
    return data[:at] + data[at + r.choice((1, 2, 4, 16, 256)) :]


def insert(r: Random, data: bytes) -> bytes:
    """A run of bytes more."""
    at = place(r, data)
    return data[:at] + r.choice((r.randbytes(4), bytes(64), b"\xff" * 64)) + data[at:]


def repeat(r: Random, data: bytes) -> bytes:
    """A part comes again."""
    at, size = place(r, data), r.choice((8, 64, 512))
    return data[: at + size] + data[at : at + size] * r.choice((1, 2, 50)) + data[at + size :]


def swap(r: Random, data: bytes) -> bytes:
    """Two parts change places."""
    size = r.choice((2, 4, 8, 64))
    a, b = sorted((place(r, data), place(r, data)))
    if a + size > b:
        return data[::-1]
    return (
        data[:a] + data[b : b + size] + data[a + size : b] + data[a : a + size] + data[b + size :]
    )


def number(r: Random, data: bytes) -> bytes:
    """An extreme number of two, four or eight bytes over others."""
    at, size = place(r, data), r.choice((2, 4, 8))
    put = (r.choice(NUMBERS) % 256**size).to_bytes(size, r.choice(("little", "big")))
    return data[:at] + put + data[at + size :]


def place(r: Random, data: bytes) -> int:
    """A byte; more often than not one of the first 1,200, where headers are."""
    if not data:
        return 0
    return r.randrange(min(len(data), 1200)) if r.random() < 0.6 else r.randrange(len(data))


ALL = (bit, noise, cut, lose, insert, repeat, swap, number)


def havoc(r: Random, data: bytes) -> bytes:
    """One of them."""
    return r.choice(ALL)(r, data) if data else data
