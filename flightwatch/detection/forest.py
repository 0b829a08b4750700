"""One isolation forest over all routes: how easily a day is separated from ordinary days."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

TREES = 300  # of 100, 200, 300, 500: from here on two seeds agree on the alerts; see benchmarks/detection
SAMPLES = 256  # rows per tree, as in Liu, Ting and Zhou 2008: enough, and clusters of outliers do not mask each other
FIT_ROWS = 60_000
ACTIVE_SHARE = 0.7  # of the rows fitted on; in the raw data, nine of ten days are idle and teach nothing
ACTIVE = 0.3  # a feature above this makes a day active: half a flight where none is usual
CLEAN_SHARE = 0.03  # of active rows, the strangest, dropped before the second fit: unlabelled surges


def fit(rows: Array, seed: int, trees: int = TREES) -> Any:
    """A fitted scikit-learn IsolationForest; the same rows and seed give the same trees.

    Fitted twice: the second time without the strangest rows of the first, which are unlabelled surges of the past.
    """
    first = _fit(rows, seed, trees)
    live = (rows > 1e-6).any(axis=1)
    if live.sum() < 2 / CLEAN_SHARE:
        return first
    strange = shortness(first, rows[live])
    kept = rows[live][strange <= np.quantile(strange, 1 - CLEAN_SHARE)]
    return _fit(np.concatenate([kept, rows[~live]]), seed, trees)


def _fit(rows: Array, seed: int, trees: int) -> Any:
    from sklearn.ensemble import IsolationForest

    rng = np.random.default_rng(seed)
    active = (rows > ACTIVE).any(axis=1)
    busy, idle = np.flatnonzero(active), np.flatnonzero(~active)
    n_busy = min(len(busy), int(FIT_ROWS * ACTIVE_SHARE))
    # Idle rows fill the rest, but never beyond their share.
    n_idle = min(len(idle), max(int(n_busy * (1 - ACTIVE_SHARE) / ACTIVE_SHARE), 32))
    chosen = np.concatenate([rng.choice(busy, n_busy, replace=False), rng.choice(idle, n_idle, replace=False)])
    sample = rows[chosen]
    forest = IsolationForest(n_estimators=trees, max_samples=min(SAMPLES, len(sample)), random_state=seed)
    return forest.fit(sample)


def shortness(forest: Any, rows: Array) -> Array:
    """Minus the mean path length, in units of the sample's average path: higher is stranger.

    scikit-learn's `score_samples` is lower for stranger rows and not linear (-2^-x). That is undone here, once, so that
    contributions add up. Idle rows, whose features are all 0, share one score.
    """
    out = np.empty(len(rows))
    active = (rows > 1e-6).any(axis=1)
    out[~active] = np.log2(-forest.score_samples(np.zeros((1, rows.shape[1]))))[0]
    if active.any():
        out[active] = np.log2(-forest.score_samples(rows[active]))
    return out


def contributions(forest: Any, rows: Array) -> Array:
    """How much each feature's splits shortened the path; `start` plus a row's sum is its `shortness`.

    In each tree, the expected path length changes at every split a row passes. The change is credited to the split's
    feature (path-length attribution, Saabas 2014). Positive: it made the row easier to separate.
    """
    total = np.zeros(rows.shape)
    for tree, columns in zip(forest.estimators_, forest.estimators_features_, strict=True):
        inner = tree.tree_
        expected, levels = _expected_paths(inner)
        gathered = np.zeros((inner.node_count, rows.shape[1]))
        for nodes in levels:
            split = nodes[inner.children_left[nodes] >= 0]
            feature = columns[inner.feature[split]]
            for child in (inner.children_left[split], inner.children_right[split]):
                gathered[child] = gathered[split]
                gathered[child, feature] += expected[split] - expected[child]
        total += gathered[tree.apply(rows[:, columns].astype(np.float32))]
    return total / _unit(forest)


def start(forest: Any) -> float:
    """The shortness of every row before any split: minus the trees' expected path."""
    return -float(sum(_expected_paths(tree.tree_)[0][0] for tree in forest.estimators_)) / _unit(forest)


def _unit(forest: Any) -> float:
    return len(forest.estimators_) * float(average_path(np.array([forest.max_samples_]))[0])


def _expected_paths(tree: Any) -> tuple[Array, list[Array]]:
    """The mean path length of the sample rows under each node; and the nodes by depth."""
    left, right, size = tree.children_left, tree.children_right, tree.n_node_samples.astype(float)
    levels, depth = [np.array([0])], np.zeros(tree.node_count)
    while True:
        split = levels[-1][left[levels[-1]] >= 0]
        if not len(split):
            break
        levels.append(np.concatenate([left[split], right[split]]))
        depth[levels[-1]] = len(levels) - 1
    expected = depth + average_path(size)
    for nodes in reversed(levels):
        split = nodes[left[nodes] >= 0]
        a, b = left[split], right[split]
        expected[split] = (size[a] * expected[a] + size[b] * expected[b]) / size[split]
    return expected, levels


def average_path(n: Array) -> Array:
    """Average path length of an unsuccessful search among n rows (Liu, Ting and Zhou 2008, equation 1).

    >>> average_path(np.array([1.0, 2.0])).tolist()
    [0.0, 1.0]
    """
    n = np.asarray(n, dtype=float)
    more = np.maximum(n, 3.0)
    path = 2 * (np.log(more - 1) + np.euler_gamma) - 2 * (more - 1) / more
    return np.where(n > 2, path, np.where(n == 2, 1.0, 0.0))
