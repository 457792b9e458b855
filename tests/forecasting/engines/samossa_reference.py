"""SAMoSSA in plain numpy, step by step as the paper and the authors' program do it: SVDs, lstsq, loops.

Differs from their program in one choice, of which values to drop where they fit no whole column: the oldest.
"""

import numpy as np


def donoho(page):
    ratio = page.shape[0] / page.shape[1]
    omega = 0.56 * ratio**3 - 0.95 * ratio**2 + 1.43 + 1.82 * ratio
    values = np.linalg.svd(page, compute_uv=False)
    return max(1, int((values > omega * np.median(values)).sum()))


def fit(series, lags, order, rank):
    """`series` (bars, n); returns beta, alpha (order, n), rank; both oldest lag first."""
    rows = lags + 1
    used = len(series) // rows * rows
    kept = series[len(series) - used :]
    page = kept.reshape(rows, -1, order="F")
    rank = rank or donoho(page)
    left, values, right = np.linalg.svd(page, full_matrices=False)
    denoised = left[:, :rank] @ np.diag(values[:rank]) @ right[:rank]
    beta = np.linalg.lstsq(denoised[:-1].T, denoised[-1], rcond=None)[0]
    noise = kept - denoised.reshape(used, -1, order="F")
    alpha = np.zeros((order, series.shape[1]))
    for n in range(series.shape[1]):
        x = noise[:, n]
        past = np.column_stack([x[i : used - order + i] for i in range(order)]) if order else np.empty((used, 0))
        alpha[:, n] = np.linalg.lstsq(past, x[order:], rcond=None)[0]
    return beta, alpha, rank


def forecast(series, beta, alpha, steps):
    """(steps, n) from the end of `series`."""
    lags, order = len(beta), len(alpha)
    common, made = list(series[-lags:]), []
    rest = [series[t] - series[t - lags : t].T @ beta for t in range(len(series) - order, len(series))]
    for _ in range(steps):
        common.append(np.array(common[-lags:]).T @ beta)
        rest.append((np.array(rest[-order:]) * alpha).sum(axis=0) if order else np.zeros(series.shape[1]))
        made.append(common[-1] + rest[-1])
    return np.array(made)
