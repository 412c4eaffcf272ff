"""Fitting a market of two states."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from ultramm.features.regime import Regimes

_MOST_SAMPLES = 5_000
_LEAST_SAMPLES = 200
_MORE_PARAMETERS = 3


def fit_regimes(samples: npt.NDArray[np.float64]) -> Regimes | None:
    """Two volatilities and how lasting each is, by maximum likelihood; None where one explains the samples as well, by
    the criterion of Schwarz.

    Parameters
    ----------
    samples : array of shape (n,)
        Returns of equal steps, of mean nothing; the last 5,000 are looked at.
    """
    from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

    samples = samples[-_MOST_SAMPLES:]
    if len(samples) < _LEAST_SAMPLES:
        return None
    whole = float(np.sqrt(np.mean(samples**2)))
    if not whole > 0.0:
        return None
    model = MarkovRegression(samples / whole, k_regimes=2, trend="n", switching_variance=True)
    try:
        with warnings.catch_warnings():
            # What it could not fit as well as it wanted is held against one state below.
            warnings.simplefilter("ignore")
            found = model.fit(em_iter=20, disp=False)
    except (ValueError, RuntimeError, np.linalg.LinAlgError):
        return None
    names = list(found.model.param_names)
    params = dict(zip(names, np.asarray(found.params, dtype=float), strict=True))
    variances = [params["sigma2[0]"], params["sigma2[1]"]]
    stays = [params["p[0->0]"], 1.0 - params["p[1->0]"]]
    calm, restless = (0, 1) if variances[0] < variances[1] else (1, 0)
    regimes = Regimes(
        stay_calm=float(stays[calm]),
        stay_restless=float(stays[restless]),
        calm=whole * float(np.sqrt(variances[calm])),
        restless=whole * float(np.sqrt(variances[restless])),
    )
    try:
        regimes.check()
    except ValueError:
        return None
    alone = -0.5 * len(samples) * (np.log(2.0 * np.pi) + 1.0)
    return regimes if found.llf - alone > 0.5 * _MORE_PARAMETERS * np.log(len(samples)) else None
