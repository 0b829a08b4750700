"""Probabilities of small counts: negative-binomial and beta-binomial tails, and the prior over routes.

Counts may be fractional (sums of probabilities of unseen arrivals). Everything is vectorised and pure.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

Array = npt.NDArray[Any]

CAP = 12.0  # surprise of 1 in 10^12: far beyond any calibration, so a larger number would mean nothing
SHARE_CAP = 8.0  # shares rest on a few flights each and must not outweigh the counts
MAX_FLIGHTS_OF_A_SHARE = 100  # more are scaled down: a share to the nearest hundredth is exact enough
REGULARITY = 0.98  # weight of the binomial tail where a route is more regular than Poisson; never 1


def nb_tail(y: Array, mean: Array, variance: Array) -> Array:
    """P(Y >= y) of a count with that mean and variance, continuous in y.

    Negative binomial where the variance exceeds the mean, Poisson where they are equal. Below that, a mixture with the
    binomial, because scheduled traffic is more regular than chance and that is information. Fractional counts are
    judged by the incomplete beta function, which is defined between the integers too.

    >>> round(float(nb_tail(np.array(3.0), np.array(0.1), np.array(0.1))), 6)  # Poisson: 1 - e^-0.1 (1 + .1 + .005)
    0.000155
    """
    mean = np.maximum(mean, 1e-9)
    over = np.maximum(variance - mean, 1e-9 * mean)
    at_least_one = np.maximum(y, 1e-9)
    p = special.betainc(at_least_one, mean * mean / over, over / (mean + over))
    regular = variance < mean * 0.999
    if np.any(regular):
        p[regular] = (1 - REGULARITY) * p[regular] + REGULARITY * _binomial_tail(
            at_least_one[regular], mean[regular], variance[regular]
        )
    tail: Array = np.where(y <= 0, 1.0, np.maximum(p, 1e-300))
    return tail


def _binomial_tail(y: Array, mean: Array, variance: Array) -> Array:
    gap = np.maximum(mean - variance, 1e-9)
    n = mean * mean / gap
    inside = special.betainc(y, np.maximum(n - y + 1, 1e-9), np.minimum(gap / mean, 1 - 1e-9))
    tail: Array = np.where(y <= n, inside, 0.0)
    return tail


def surprise(y: Array, mean: Array, variance: Array, cap: float = CAP) -> Array:
    """-log10 of the mid-p upper tail; 0 where no more was seen than usual.

    Below one flight it is linear from 0: a hundredth of a flight gives a hundredth of the surprise.

    >>> surprise(np.array([0.0, 0.5, 1.0]), np.full(3, 0.01), np.full(3, 0.01)).round(2).tolist()
    [0.0, 1.15, 2.3]
    """
    out = np.zeros(y.shape)
    i = np.nonzero((y > mean) & (y > 0))
    yi, m, v = np.maximum(y[i], 1.0), mean[i], variance[i]
    mid = (nb_tail(yi, m, v) + nb_tail(yi + 1, m, v)) / 2
    out[i] = -np.log10(np.maximum(mid, 10.0**-cap)) * np.minimum(y[i], 1.0)
    return out


def nb_quantile(q: float, mean: Array, variance: Array) -> Array:
    """The smallest count with at least `q` of the probability at or below it: a normal guess, then a short search."""
    y = np.maximum(np.floor(mean + special.ndtri(q) * np.sqrt(np.maximum(variance, 1e-12))), 0.0)
    low = np.arange(len(y))
    while len(low):
        low = low[nb_tail(y[low] + 1, mean[low], variance[low]) > 1 - q]
        y[low] += 1
    high = np.flatnonzero(y > 0)
    while len(high):
        high = high[(y[high] > 0) & (nb_tail(y[high], mean[high], variance[high]) <= 1 - q)]
        y[high] -= 1
    found: Array = y
    return found


def share_surprise(k: Array, n: Array, a: Array, b: Array) -> Array:
    """-log10 of the mid-p upper tail of k out of n under a beta(a, b) share: the beta-binomial.

    `n` is rounded; a fractional `k` takes the value between its neighbours.
    """
    shrink = np.minimum(1.0, MAX_FLIGHTS_OF_A_SHARE / np.maximum(n, 1.0))
    whole = np.maximum(np.round(n * shrink), 1.0)
    k = np.minimum(k * shrink, whole)
    low = np.floor(k)
    tails = _beta_binomial(np.concatenate([low, np.minimum(low + 1, whole)]), *(np.tile(x, 2) for x in (whole, a, b)))
    s = -np.log10(np.clip(tails, 10.0**-SHARE_CAP, 1.0))
    below = np.where(low > 0, s[: len(k)], 0.0)
    between: Array = below + (k - low) * (s[len(k) :] - below)
    return between


def _beta_binomial(k: Array, n: Array, a: Array, b: Array) -> Array:
    """Mid-p upper tail by the recursion of the probabilities; k and n whole and small."""
    pmf = np.exp(special.betaln(a, b + n) - special.betaln(a, b))
    below, at = np.zeros_like(pmf), np.where(k == 0, pmf, 0.0)
    live = np.flatnonzero(k > 0)
    j = 0
    while len(live):
        below[live] += pmf[live]
        nl, al, bl = n[live], a[live], b[live]
        pmf[live] *= (nl - j) / (j + 1) * (al + j) / np.maximum(bl + nl - j - 1, 1e-9)
        j += 1
        done = live[k[live] == j]
        at[done] = pmf[done]
        live = live[k[live] > j]
    tail: Array = np.clip(1 - below - at / 2, 0.0, 1.0)
    return tail


def gamma_prior(counts: Array, exposure: Array) -> tuple[float, float]:
    """Gamma(a, b) over the rates of all routes, by maximum marginal likelihood of counts ~ Poisson(rate × exposure).

    `a` is kept within 0.05 to 5 at the same mean. Outside, a few odd routes (or a few very similar ones) would decide
    what is expected of all new routes.
    """
    from scipy import optimize

    use = exposure > 0
    s, e = counts[use], exposure[use]
    mean = max(float(s.sum() / e.sum()), 1e-6) if use.any() else 1e-6

    def loss(log_ab: Array) -> float:
        a, b = np.exp(log_ab)
        terms = special.gammaln(s + a) - special.gammaln(a) + a * np.log(b / (b + e)) + s * np.log(1 / (b + e))
        return -float(terms.mean())

    if len(s) < 3 or s.sum() < 1:
        return 0.5, 0.5 / mean if mean > 1e-6 else 50.0
    found = optimize.minimize(loss, np.log([0.5, 0.5 / mean]), method="Nelder-Mead")
    free, b = np.exp(found.x)
    a = float(np.clip(free, 0.05, 5.0))
    return a, float(b * a / free)
