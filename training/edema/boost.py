"""Boosted shallow trees on shares of readers, and their ONNX form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from marrowlight.edema.features import BRIGHT, FLUID, feature_names
from training.edema.table import Table, joined, perturbed


@dataclass(frozen=True, slots=True)
class Recipe:
    """Size of one booster; copies : perturbed copies of the table that it sees."""

    leaves: int
    rounds: int
    copies: int


RECIPES = (Recipe(4, 80, 0), Recipe(6, 60, 0), Recipe(6, 60, 2))
"""Small on purpose: with three or four subjects larger trees learn the subjects. The log-odds of
the three are averaged."""

NODE_ATTRIBUTES = (
    "nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_modes", "nodes_values",
    "nodes_truenodeids", "nodes_falsenodeids", "nodes_missing_value_tracks_true",
    "target_treeids", "target_nodeids", "target_ids", "target_weights",
)  # fmt: skip
"""Of the ONNX operator TreeEnsembleRegressor."""


def fit_boosters(tables: list[Table], *, with_t1: bool, seed: int = 0) -> list[Any]:
    """Fit every recipe; returns scikit-learn classifiers.

    A voxel that a share s of readers marked goes in twice: as edema with weight s, as normal with
    weight 1 - s. The fitted probability is then the expected share.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    names = feature_names(with_t1)
    plain = joined(tables)
    models = []
    for number, recipe in enumerate(RECIPES):
        table = perturbed(plain, recipe.copies, seed=seed + number) if recipe.copies else plain
        rows = table.rows if with_t1 else table.rows[:, : len(FLUID)]
        x = np.concatenate([rows, rows])
        y = np.repeat([1, 0], len(rows))
        w = np.concatenate([table.weight * table.target, table.weight * (1 - table.target)])
        used = w > 0
        model = HistGradientBoostingClassifier(
            max_iter=recipe.rounds,
            max_leaf_nodes=recipe.leaves,
            learning_rate=0.07,
            min_samples_leaf=400,
            l2_regularization=20.0,
            early_stopping=False,
            monotonic_cst=[int(n in BRIGHT) for n in names],
            random_state=seed,
        )
        models.append(model.fit(x[used], y[used], sample_weight=w[used]))
    return models


def to_onnx(models: list[Any], n_features: int) -> bytes:
    """One ONNX graph (TreeEnsembleRegressor) with the mean log-odds of the models."""
    from onnx import TensorProto, helper

    a: dict[str, list[Any]] = {name: [] for name in NODE_ATTRIBUTES}
    base, tree = 0.0, 0
    for model in models:
        base += float(np.ravel(model._baseline_prediction)[0]) / len(models)
        for (predictor,) in model._predictors:
            for i, node in enumerate(predictor.nodes):
                leaf = bool(node["is_leaf"])
                a["nodes_treeids"].append(tree)
                a["nodes_nodeids"].append(i)
                a["nodes_featureids"].append(0 if leaf else int(node["feature_idx"]))
                a["nodes_modes"].append("LEAF" if leaf else "BRANCH_LEQ")
                a["nodes_values"].append(0.0 if leaf else float(np.float32(node["num_threshold"])))
                a["nodes_truenodeids"].append(0 if leaf else int(node["left"]))
                a["nodes_falsenodeids"].append(0 if leaf else int(node["right"]))
                a["nodes_missing_value_tracks_true"].append(0)
                if leaf:
                    a["target_treeids"].append(tree)
                    a["target_nodeids"].append(i)
                    a["target_ids"].append(0)
                    a["target_weights"].append(float(node["value"]) / len(models))
            tree += 1
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["rows"],
        ["log_odds"],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function="SUM",
        post_transform="NONE",
        base_values=[base],
        **a,
    )
    graph = helper.make_graph(
        [node],
        "edema",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, n_features])],
        [helper.make_tensor_value_info("log_odds", TensorProto.FLOAT, [None, 1])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    onnx_model = helper.make_model(graph, opset_imports=opsets, producer_name="marrowlight")
    onnx_model.ir_version = 8
    serialised: bytes = onnx_model.SerializeToString(deterministic=True)
    return serialised
