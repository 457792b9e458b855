"""What is common to many series, by hard singular value thresholding, and the recursion that follows from it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from tradepipe.forecasting.engines.samossa import eigen, recursion
from tradepipe.forecasting.engines.samossa.windows import aligned, page, page_rows
from tradepipe.forecasting.model import BoolArray, FloatArray
from tradepipe.forecasting.sharing import side_by_side

LARGEST_RADIUS: Final = 1.001
"""Spectral radius above which a recursion is refused.

Undamped waves have 1, and estimates of them scatter about it: by 0.001 where 20 to 400 noisy series of 600 to 1,000
bars share two waves. What is admitted grows by at most 6 % over 60 bars.
"""

_LEAST_GAP: Final = 1e-10
"""A last row this near to length 1 leaves no other rows to forecast it from."""


@dataclass(frozen=True)
class Factors:
    """Left singular vectors of a Page matrix.

    Attributes:
        rows: of the Page matrix, transposed; see `page`.
        vectors: (k, R), the largest singular value first; as many as the largest rank asked for needs.
        ranks: rank by the rank that was asked for. It is smaller where the matrix has no more; 0 asks for Gavish and
            Donoho's.
    """

    rows: FloatArray
    vectors: FloatArray
    ranks: dict[int, int]


@dataclass(frozen=True)
class Recursion:
    """A fitted model of standardised series.

    Attributes:
        rank: number of factors.
        beta: (lags,) of what is common, oldest first.
        alpha: (series, p) autoregression of each series' rest, oldest lag first.
    """

    rank: int
    beta: FloatArray
    alpha: FloatArray

    def steady(self) -> BoolArray:
        """Whether each series' autoregression does not explode."""
        verdicts = np.empty(len(self.alpha), dtype=np.bool_)
        recursion.contracting(self.alpha, LARGEST_RADIUS, verdicts)
        return verdicts


def factors_of(standard: FloatArray, ranks: tuple[int, ...], threads: int = 1) -> Factors:
    """Decompose the Page matrix of standardised series (series, bars), once for all ranks."""
    rows, size = page(standard), page_rows(*standard.shape)
    matrix = aligned(size, size)
    half = int(size * 0.5**0.5)  # below the diagonal there is as much above this row as under it
    shares = [(0, half), (half, size)] if threads > 1 else [(0, size)]
    together(threads, shares, lambda begin, end: eigen.gram(rows, matrix, begin, end))
    eigen.mirror(matrix)
    diagonal, beside, reflections = np.empty(size), np.empty(size), np.empty(size)
    eigen.tridiagonal(matrix, diagonal, beside, reflections)
    asked = {rank: min(size - 1, rank or _donoho(diagonal, beside, len(rows))) for rank in ranks}
    values = _values(diagonal, beside, range(max(asked.values())))
    most = max(1, eigen.count_above(diagonal, beside, size * eigen.EPSILON * float(values[0])))
    wanted = {rank: min(most, own) for rank, own in asked.items()}
    vectors = np.empty((max(wanted.values()), size))
    eigen.eigenvectors(diagonal, beside, values[: len(vectors)], vectors)
    eigen.reflect_back(matrix, reflections, vectors)
    return Factors(rows, vectors, wanted)


def _values(diagonal: FloatArray, beside: FloatArray, places: Sequence[int]) -> FloatArray:
    """The eigenvalues that `places` others exceed."""
    values = np.empty(len(places))
    eigen.eigenvalues(diagonal, beside, np.array(places, dtype=np.int64), values)
    return values


def _donoho(diagonal: FloatArray, beside: FloatArray, columns: int) -> int:
    """Number of singular values above the hard threshold for unknown noise (Gavish and Donoho, 2014, equation 4)."""
    size = len(diagonal)
    count, ratio = min(size, columns), size / columns
    middle = _values(diagonal, beside, ((count - 1) // 2, count // 2))
    median = float(np.sqrt(np.maximum(middle, 0.0)).mean())
    threshold = (0.56 * ratio**3 - 0.95 * ratio**2 + 1.82 * ratio + 1.43) * median
    return max(1, int(eigen.count_above(diagonal, beside, threshold**2)))


def beta_of(factors: Factors, rank: int) -> FloatArray | None:
    """The recursion (lags,) of what is common at one of `factors.ranks`' values; None where nothing is left to it.

    beta = U1 u / (1 - u'u), with u the last row of the vectors and U1 the rows above, is the least squares of minimum
    norm of the last row of the thresholded matrix on the others: no regression has to be computed.
    """
    vectors = factors.vectors[:rank]
    above, last = vectors[:, :-1], vectors[:, -1]
    gap = 1.0 - float((last * last).sum())
    return None if gap < _LEAST_GAP else np.asarray((above * last[:, None]).sum(axis=0) / gap)


def recursion_of(factors: Factors, rank: int, lags: int, series: int) -> Recursion | None:
    """The forecaster at one of `factors.ranks`' values; None where its recursion explodes."""
    beta = beta_of(factors, rank)
    if beta is None:
        return None
    bounded = np.empty(1, dtype=np.bool_)
    recursion.contracting(beta[None], LARGEST_RADIUS, bounded)
    if not bounded[0]:
        return None
    rest = np.empty((len(factors.rows), factors.vectors.shape[1]))
    recursion.common_part(factors.rows, factors.vectors[:rank], rest)
    alpha = np.empty((series, lags))
    recursion.autoregress(rest.reshape(series, -1), alpha)
    return Recursion(rank, beta, alpha)


def filtered(
    standard: FloatArray, beta: FloatArray, alpha: FloatArray, threads: int = 1
) -> tuple[FloatArray, FloatArray]:
    """Rests and one-step errors of standardised values (series, bars): (series, bars - lags) each."""
    known = np.ascontiguousarray(standard)
    rests = np.empty((len(known), known.shape[1] - len(beta)))
    errors = np.empty_like(rests)

    def run(begin: int, end: int) -> None:
        own, left = known[begin:end], rests[begin:end]
        recursion.predictions(own, beta, left)
        np.subtract(own[:, len(beta) :], left, out=left)
        recursion.one_step(left, alpha[begin:end], errors[begin:end])

    together(threads, shares_of(len(known), threads), run)
    return rests, errors


def shares_of(series: int, threads: int) -> list[tuple[int, int]]:
    """First and end of what each thread does."""
    return list(pairwise(np.linspace(0, series, threads + 1).astype(int).tolist()))


def together(threads: int, shares: list[tuple[int, int]], run: Callable[[int, int], None]) -> None:
    """Do the shares at the same time; each writes to places of its own."""
    side_by_side(threads, run, *zip(*shares, strict=True))
