"""The table that is fitted: one row per voxel, with the share of readers who marked it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowlight.edema.extensive import extensive_probability
from marrowlight.edema.features import feature_names, feature_slabs
from marrowlight.edema.scene import prepare
from training.edema.subjects import Subject

GATE = 0.3
"""Voxels of an extensive region are left to the part that needs no training."""
KEEP_ONE_IN = 10
"""Of dull voxels that nobody marked, this share is kept, with its weight made up."""
DULL = 1.0

Floats = NDArray[np.float32]

LEVEL = ("z", "z_0.8", "z_1.6", "z_3.2", "z_6.4", "z_12.8", "z_any_1.2", "next_max", "next_min",
         "min_0.6", "max_1.8", "darkest_3", "outside_max")  # fmt: skip
SCALE = (*LEVEL, "top_hat", "curve1_1.2", "curve2_1.2", "curve1_2.4", "curve2_2.4", "gradient",
         "texture")  # fmt: skip
T1_SCALE = ("t", "t_1.6", "t_6.4", "t_min", "t_curve")


@dataclass(frozen=True, eq=False)
class Table:
    """Rows (N, F), target (N,) share of readers 0..1, weight (N,)."""

    rows: Floats
    target: Floats
    weight: Floats


def subject_table(subject: Subject, *, seed: int = 0) -> Table:
    """Rows of one subject, with T1 features; all positives weigh the square root of their number.

    The 138 ml case then weighs more than a 0.5 ml case, but does not rule.
    """
    random = np.random.default_rng(seed)
    scene = prepare(subject.fluid, subject.bones, subject.t1)
    _, gate = extensive_probability(scene.z, scene.shape, scene.spacing)
    share = scene.window.cut(subject.readings.mean(0, dtype=np.float32))
    bright = feature_names(True).index("z_0.8")
    kept: list[tuple[Floats, Floats, Floats]] = []
    slabs = feature_slabs(scene.z, scene.t1, scene.shape, scene.spacing, scene.marrow.relative)
    for slices, which, rows in slabs:
        y = share[:, :, slices][which]
        free = gate[:, :, slices][which] < GATE
        telling = (y > 0) | (rows[:, bright] > DULL)
        take = free & (telling | (random.random(len(y)) < 1.0 / KEEP_ONE_IN))
        weight = np.where(telling, 1.0, KEEP_ONE_IN).astype(np.float32)
        kept.append((rows[take], y[take], weight[take]))
    rows, y, weight = (np.concatenate([k[i] for k in kept]) for i in range(3))
    return Table(rows, y, weight / np.sqrt(max(float((weight * y).sum()), 1.0)))


def joined(tables: list[Table]) -> Table:
    """All rows of several subjects; weights scaled to a mean of 1."""
    weight = np.concatenate([t.weight for t in tables])
    return Table(
        np.concatenate([t.rows for t in tables]),
        np.concatenate([t.target for t in tables]),
        (weight / weight.mean()).astype(np.float32),
    )


def perturbed(table: Table, copies: int, *, seed: int = 0) -> Table:
    """The table and copies of it in which contrast, its zero and T1 are off by random amounts.

    The unit of contrast (spread of normal marrow) is itself uncertain by some 20 % between
    patients; a model that has seen this leans less on exact values.
    """
    names = feature_names(True)
    random = np.random.default_rng(seed)
    level, scale, t1 = ([names.index(n) for n in group] for group in (LEVEL, SCALE, T1_SCALE))
    blocks = 40
    rows = [table.rows]
    for _ in range(copies):
        block = random.integers(0, blocks, len(table.rows))
        x = table.rows.copy()
        x[:, scale] *= np.exp(random.normal(0, 0.2, blocks)).astype(np.float32)[block][:, None]
        x[:, level] += random.normal(0, 0.25, blocks).astype(np.float32)[block][:, None]
        x[:, t1] *= np.exp(random.normal(0, 0.12, blocks)).astype(np.float32)[block][:, None]
        rows.append(x)
    return Table(
        np.concatenate(rows),
        np.tile(table.target, copies + 1),
        np.tile(table.weight, copies + 1),
    )
