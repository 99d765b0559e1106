"""The learned part: boosted shallow trees, run from an ONNX file of some tens of kB."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowlight.onnx_session import onnx_session


class Trees:
    """A tree ensemble that maps rows of features to a probability of edema.

    Parameters
    ----------
    onnx : bytes
        Model with one float32 input (N, F) and one output (N, 1), the log-odds.
    """

    def __init__(self, onnx: bytes) -> None:
        self._session: Any = onnx_session(onnx)
        self._input: str = self._session.get_inputs()[0].name

    def probability(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """rows : (N, F) float32; returns (N,) float32 in 0..1."""
        from scipy import special

        log_odds = self._session.run(None, {self._input: rows})[0][:, 0]
        out: NDArray[np.float32] = special.expit(log_odds).astype(np.float32)
        return out
