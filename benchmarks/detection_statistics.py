"""Statistics of detection: Wilson intervals, the logistic curve, and where it passes 95 %."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Z = 1.959964
WANTED = 0.95

RIDGE = 0.02
"""Pull of the slope to 0, so that a curve exists where all or none are found."""


def wilson(found: int, total: int) -> tuple[float, float]:
    """95 % interval of a proportion. Source: Wilson 1927, J Am Stat Assoc 22:209."""
    if total == 0:
        return 0.0, 1.0
    p = found / total
    mid = (p + Z * Z / (2 * total)) / (1 + Z * Z / total)
    half = Z / (1 + Z * Z / total) * np.sqrt(p * (1 - p) / total + Z * Z / (4 * total**2))
    return float(max(mid - half, 0.0)), float(min(mid + half, 1.0))


@dataclass(frozen=True)
class Curve:
    """P(found) = 1 / (1 + exp(-(a + b log10(mm³)))); covariance : (2, 2) of a and b."""

    a: float
    b: float
    covariance: NDArray[np.float64]

    def at(self, volume_mm3: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability of detection."""
        out: NDArray[np.float64] = 1 / (1 + np.exp(-(self.a + self.b * np.log10(volume_mm3))))
        return out

    def volume_at(self, probability: float = WANTED) -> tuple[float, float, float] | None:
        """(estimate, low, high) in mm³ of the volume found so often; None if it never is.

        The interval is by the delta method on the logarithm.
        """
        if self.b <= 0.2:
            return None
        logit = np.log(probability / (1 - probability))
        x = (logit - self.a) / self.b
        slope = np.array([-1 / self.b, -x / self.b])
        sd = float(np.sqrt(slope @ self.covariance @ slope))
        return float(10**x), float(10 ** (x - Z * sd)), float(10 ** (x + Z * sd))


def fit_curve(volume_mm3: NDArray[np.float64], found: NDArray[np.bool_]) -> Curve:
    """Logistic regression of found on log volume, by Newton's method."""
    x = np.column_stack([np.ones(len(volume_mm3)), np.log10(volume_mm3)])
    beta = np.zeros(2)
    ridge = np.diag([0.0, RIDGE])
    information = np.eye(2)
    for _ in range(100):
        p = np.clip(1 / (1 + np.exp(-(x @ beta))), 1e-9, 1 - 1e-9)
        information = (x * (p * (1 - p))[:, None]).T @ x + ridge + 1e-6 * np.eye(2)
        step = np.linalg.solve(information, x.T @ (found - p) - ridge @ beta)
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    return Curve(float(beta[0]), float(beta[1]), np.linalg.inv(information))


def limits(ratios: NDArray[np.float64]) -> tuple[float, float, float]:
    """(bias, low, high): geometric mean of found over true, and its 95 % limits of agreement.

    Source: Bland and Altman 1999, Stat Methods Med Res 8:135, on logarithms.
    """
    logs = np.log(ratios)
    sd = float(logs.std(ddof=1)) if len(logs) > 1 else 0.0
    mean = float(logs.mean())
    return float(np.exp(mean)), float(np.exp(mean - Z * sd)), float(np.exp(mean + Z * sd))
