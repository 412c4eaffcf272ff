"""How a series spreads with time: half for a walk, less for what comes back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_LAGS = 12


def hurst(x: npt.NDArray[np.float64]) -> float:
    """Exponent of the variogram: half the slope of the mean squared difference on the lag, both in logs.

    Parameters
    ----------
    x : array of shape (n,)
        At least 50; lags go to a tenth of it.

    Notes
    -----
    Least squares over lags spaced evenly in logs; Gneiting and Schlather, *SIAM Review* 46 (2004).
    """
    lags = np.unique(np.geomspace(1, max(2, len(x) // 10), _LAGS).astype(int))
    squares = [float(np.mean((x[lag:] - x[:-lag]) ** 2)) for lag in lags]
    return float(np.polyfit(np.log(lags), np.log(squares), 1)[0]) / 2.0
