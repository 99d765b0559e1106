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
    """Logistic regression of found on log volume, by Newton's method with halved steps.

    The slope is pulled to 0 a little (``RIDGE``), so that it stays finite where sizes that are
    found and sizes that are not do not overlap.
    """
    middle = float(np.log10(volume_mm3).mean())
    x = np.column_stack([np.ones(len(volume_mm3)), np.log10(volume_mm3) - middle])
    ridge = np.diag([1e-4, RIDGE])

    def loss(beta: NDArray[np.float64]) -> float:
        eta = x @ beta
        return float((np.logaddexp(0, eta) - found * eta).sum() + 0.5 * beta @ ridge @ beta)

    beta = np.zeros(2)
    information = np.eye(2)
    for _ in range(200):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -500, 500)))
        information = (x * (p * (1 - p))[:, None]).T @ x + ridge
        step = np.linalg.solve(information, x.T @ (found - p) - ridge @ beta)
        share = 1.0
        while share > 1e-6 and loss(beta + share * step) > loss(beta):
            share /= 2
        beta = beta + share * step
        if np.abs(share * step).max() < 1e-9:
            break
    # From the centred intercept to that at log10(mm³) = 0.
    back = np.array([[1.0, -middle], [0.0, 1.0]])
    a, b = back @ beta
    return Curve(float(a), float(b), back @ np.linalg.inv(information) @ back.T)


def limits(ratios: NDArray[np.float64]) -> tuple[float, float, float]:
    """(bias, low, high): geometric mean of found over true, and its 95 % limits of agreement.

    Source: Bland and Altman 1999, Stat Methods Med Res 8:135, on logarithms.
    """
    logs = np.log(ratios)
    sd = float(logs.std(ddof=1)) if len(logs) > 1 else 0.0
    mean = float(logs.mean())
    return float(np.exp(mean)), float(np.exp(mean - Z * sd)), float(np.exp(mean + Z * sd))
