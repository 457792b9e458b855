"""The largest eigenvectors of a Gram matrix, to the same bits on any number of threads.

The last bits of numpy's `eigh` change with the threads of the LAPACK below it, and it computes all vectors where a few
are wanted. So here are Householder's reduction to tridiagonal form, bisection by Sturm's
counts, inverse iteration (Golub and Van Loan, Matrix Computations, 4th ed., 2013, sections 8.3 to 8.4; Parlett, The
Symmetric Eigenvalue Problem, 1998, chapters 3, 4 and 7). Inner loops run over contiguous rows and add in one order, so
that the compiler may use wide registers without changing a sum.
"""

from typing import Final

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.forecasting.model import FloatArray

EPSILON: Final = float(np.finfo(np.float64).eps)
_TINY: Final = float(np.finfo(np.float64).tiny)
_HALVINGS: Final = 64
_ITERATIONS: Final = 3


@compiled
def gram(rows: FloatArray, product: FloatArray, begin: int, end: int) -> None:
    """Rows `begin` to `end` of `rows.T @ rows` up to the diagonal, (r, r) of `rows` (c, r).

    Eight of `rows` at a time, which stay in the nearest cache.
    """
    count = len(rows)
    for i in range(begin, end):
        for j in range(i + 1):
            product[i, j] = 0.0
    c = 0
    while c + 8 <= count:
        for i in range(begin, end):
            a0, a1, a2, a3 = rows[c, i], rows[c + 1, i], rows[c + 2, i], rows[c + 3, i]
            a4, a5, a6, a7 = rows[c + 4, i], rows[c + 5, i], rows[c + 6, i], rows[c + 7, i]
            for j in range(i + 1):
                product[i, j] = (
                    product[i, j]
                    + a0 * rows[c, j]
                    + a1 * rows[c + 1, j]
                    + a2 * rows[c + 2, j]
                    + a3 * rows[c + 3, j]
                    + a4 * rows[c + 4, j]
                    + a5 * rows[c + 5, j]
                    + a6 * rows[c + 6, j]
                    + a7 * rows[c + 7, j]
                )
        c += 8
    while c < count:
        for i in range(begin, end):
            a0 = rows[c, i]
            for j in range(i + 1):
                product[i, j] += a0 * rows[c, j]
        c += 1


@compiled
def mirror(matrix: FloatArray) -> None:
    """Copy what is below the diagonal to above it."""
    for i in range(len(matrix)):
        for j in range(i):
            matrix[j, i] = matrix[i, j]


@compiled
def tridiagonal(a: FloatArray, diagonal: FloatArray, beside: FloatArray, factors: FloatArray) -> None:
    """Reduce the symmetric `a` (n, n) by reflections, last row first.

    Reflection k = 1 - factors[k] v v', v = a[k, :k] afterwards, acts on the first k coordinates. `beside[k]` lies
    between `diagonal[k - 1]` and `diagonal[k]`; beside[0] is 0.
    """
    n = a.shape[0]
    p = np.empty(n)
    for k in range(n - 1, 0, -1):
        head = a[k, k - 1]
        diagonal[k] = a[k, k]
        rest = 0.0
        for j in range(k - 1):
            rest += a[k, j] * a[k, j]
        if rest == 0.0:
            beside[k], factors[k] = head, 0.0
            continue
        length = np.sqrt(rest + head * head)
        beside[k] = -length if head > 0 else length
        factors[k] = (beside[k] - head) / beside[k]
        scale = 1.0 / (head - beside[k])
        for j in range(k - 1):
            a[k, j] *= scale
        a[k, k - 1] = 1.0
        for j in range(k):
            p[j] = 0.0
        i = 0
        while i + 4 <= k:
            x0, x1, x2, x3 = a[k, i], a[k, i + 1], a[k, i + 2], a[k, i + 3]
            for j in range(k):
                p[j] = p[j] + x0 * a[i, j] + x1 * a[i + 1, j] + x2 * a[i + 2, j] + x3 * a[i + 3, j]
            i += 4
        while i < k:
            x0 = a[k, i]
            for j in range(k):
                p[j] += x0 * a[i, j]
            i += 1
        along = 0.0
        for j in range(k):
            p[j] *= factors[k]
            along += p[j] * a[k, j]
        half = 0.5 * factors[k] * along
        for j in range(k):
            p[j] -= half * a[k, j]
        for i in range(k):
            vi, pi = a[k, i], p[i]
            for j in range(k):
                a[i, j] -= vi * p[j] + pi * a[k, j]
    diagonal[0], beside[0], factors[0] = a[0, 0], 0.0, 0.0


@compiled
def count_above(diagonal: FloatArray, beside: FloatArray, x: float) -> int:
    """How many eigenvalues of the tridiagonal matrix exceed `x` (Sturm)."""
    count, q = 0, 1.0
    for i in range(len(diagonal)):
        q = diagonal[i] - x - (beside[i] * beside[i] / q if i else 0.0)
        if abs(q) < _TINY:
            q = -_TINY
        count += q > 0
    return count


@compiled
def eigenvalue(diagonal: FloatArray, beside: FloatArray, place: int) -> float:
    """The eigenvalue that `place` others exceed, by bisection within Gershgorin's bounds."""
    n = len(diagonal)
    low, high = np.inf, -np.inf
    for i in range(n):
        radius = abs(beside[i]) + (abs(beside[i + 1]) if i + 1 < n else 0.0)
        low, high = min(low, diagonal[i] - radius), max(high, diagonal[i] + radius)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if middle <= low or middle >= high:
            break
        if count_above(diagonal, beside, middle) > place:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@compiled
def solve_shifted(diagonal: FloatArray, beside: FloatArray, x: float, least: float, b: FloatArray) -> None:
    """Solve (T - x) b' = b in place by elimination with row exchanges; a pivot below `least` is taken as `least`."""
    n = len(diagonal)
    first, second, third = np.empty(n), np.empty(n), np.zeros(n)
    here, above = diagonal[0] - x, beside[1] if n > 1 else 0.0
    for i in range(n - 1):
        below, next_here = beside[i + 1], diagonal[i + 1] - x
        next_above = beside[i + 2] if i + 2 < n else 0.0
        if abs(below) > abs(here):
            ratio = here / below
            first[i], second[i], third[i] = below, next_here, next_above
            here, above = above - ratio * next_here, -ratio * next_above
            b[i], b[i + 1] = b[i + 1], b[i] - ratio * b[i + 1]
        else:
            pivot = here if abs(here) > least else least
            ratio = below / pivot
            first[i], second[i], third[i] = pivot, above, 0.0
            here, above = next_here - ratio * above, next_above
            b[i + 1] -= ratio * b[i]
    first[n - 1] = here if abs(here) > least else least
    for i in range(n - 1, -1, -1):
        value = b[i]
        if i + 1 < n:
            value -= second[i] * b[i + 1]
        if i + 2 < n:
            value -= third[i] * b[i + 2]
        b[i] = value / first[i]


@compiled
def eigenvectors(diagonal: FloatArray, beside: FloatArray, values: FloatArray, vectors: FloatArray) -> None:
    """Inverse iteration for `values` (k,), largest first, into `vectors` (k, n), each orthogonal to those before.

    Values that lie together share a subspace; making each vector orthogonal to all before it in every iteration
    tells them apart. The start is a fixed sequence of pseudo-random numbers, in no direction's favour.
    """
    count, n = vectors.shape
    norm = 0.0
    for i in range(n):
        norm = max(norm, abs(diagonal[i]) + abs(beside[i]))
    least = max(EPSILON * norm, _TINY)
    b = np.empty(n)
    seed = 1
    for k in range(count):
        for i in range(n):
            seed = (seed * 16807) % 2147483647  # Lehmer's generator (Park and Miller, 1988)
            b[i] = seed / 2147483647.0 - 0.5
        for _ in range(_ITERATIONS):
            solve_shifted(diagonal, beside, values[k], least, b)
            largest = 0.0
            for i in range(n):
                largest = max(largest, abs(b[i]))
            for i in range(n):
                b[i] /= largest  # before squares are taken, that none overflows
            for _ in range(2):  # twice is enough (Kahan, in Parlett, section 6.9)
                for j in range(k):
                    along = 0.0
                    for i in range(n):
                        along += vectors[j, i] * b[i]
                    for i in range(n):
                        b[i] -= along * vectors[j, i]
            total = 0.0
            for i in range(n):
                total += b[i] * b[i]
            total = np.sqrt(total)
            for i in range(n):
                b[i] /= total
        vectors[k] = b


@compiled
def reflect_back(a: FloatArray, factors: FloatArray, columns: FloatArray) -> None:
    """Turn eigenvectors of the tridiagonal matrix, `columns` (n, k), into those of the matrix it was made of."""
    n, count = columns.shape
    along = np.empty(count)
    for k in range(1, n):
        if factors[k] == 0.0:
            continue
        along[:] = 0.0
        for i in range(k):
            for c in range(count):
                along[c] += a[k, i] * columns[i, c]
        for i in range(k):
            vi = factors[k] * a[k, i]
            for c in range(count):
                columns[i, c] -= vi * along[c]
