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
from tradepipe.forecasting.model import FloatArray, IntArray

EPSILON: Final = float(np.finfo(np.float64).eps)
_TINY: Final = float(np.finfo(np.float64).tiny)
_HALVINGS: Final = 64
_LANES: Final = 8
_ITERATIONS: Final = 3


@compiled
def gram(rows: FloatArray, product: FloatArray, begin: int, end: int) -> None:
    """Rows `begin` to `end` of `rows.T @ rows` up to the diagonal, (r, >= r) of `rows` (c, >= r).

    Eight of `rows` at a time, which stay in the nearest cache, for two rows of the product, which share what is read;
    in whole registers of eight, so that some of what lies beyond the diagonal is written too.
    """
    count, width = rows.shape
    for i in range(begin, end):
        product[i] = 0.0
    c = 0
    while c + 8 <= count:
        for i in range(begin, end, 2):
            k = min(i + 1, end - 1)
            a0, a1, a2, a3 = rows[c, i], rows[c + 1, i], rows[c + 2, i], rows[c + 3, i]
            a4, a5, a6, a7 = rows[c + 4, i], rows[c + 5, i], rows[c + 6, i], rows[c + 7, i]
            b0, b1, b2, b3 = rows[c, k], rows[c + 1, k], rows[c + 2, k], rows[c + 3, k]
            b4, b5, b6, b7 = rows[c + 4, k], rows[c + 5, k], rows[c + 6, k], rows[c + 7, k]
            for j in range(min(width, k + 8 - k % 8)):
                x0, x1, x2, x3 = rows[c, j], rows[c + 1, j], rows[c + 2, j], rows[c + 3, j]
                x4, x5, x6, x7 = rows[c + 4, j], rows[c + 5, j], rows[c + 6, j], rows[c + 7, j]
                first = product[i, j] + a0 * x0 + a1 * x1 + a2 * x2 + a3 * x3 + a4 * x4 + a5 * x5 + a6 * x6 + a7 * x7
                other = product[k, j] + b0 * x0 + b1 * x1 + b2 * x2 + b3 * x3 + b4 * x4 + b5 * x5 + b6 * x6 + b7 * x7
                product[i, j] = first
                product[k, j] = other
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
def dot(x: FloatArray, y: FloatArray, size: int, sums: FloatArray) -> float:
    """Sum of products of the first `size`, by way of eight blocks that are added to each other in `sums` (size / 8,).

    An order in which registers are full, always the same.
    """
    h = size // 8
    for t in range(h):
        first = (x[t] * y[t] + x[t + h] * y[t + h]) + (x[t + 2 * h] * y[t + 2 * h] + x[t + 3 * h] * y[t + 3 * h])
        a, b, c, d = t + 4 * h, t + 5 * h, t + 6 * h, t + 7 * h
        sums[t] = first + ((x[a] * y[a] + x[b] * y[b]) + (x[c] * y[c] + x[d] * y[d]))
    w0 = w1 = w2 = w3 = 0.0
    whole = h - h % 4
    for t in range(0, whole, 4):
        w0 += sums[t]
        w1 += sums[t + 1]
        w2 += sums[t + 2]
        w3 += sums[t + 3]
    for t in range(whole, h):
        w0 += sums[t]
    for t in range(8 * h, size):
        w1 += x[t] * y[t]
    return (w0 + w1) + (w2 + w3)


@compiled
def tridiagonal(a: FloatArray, diagonal: FloatArray, beside: FloatArray, factors: FloatArray) -> None:
    """Reduce the symmetric `a` (n, >= n) by reflections, last row first.

    Reflection k = 1 - factors[k] v v', v = a[k, :k] afterwards, acts on the first k coordinates. `beside[k]` lies
    between `diagonal[k - 1]` and `diagonal[k]`; beside[0] is 0. What a reflection takes from the matrix, v q' + q v',
    is taken while the product with the next one's v is summed, so that the matrix is gone through once for each.
    """
    n = a.shape[0]
    p, q, v, sums = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    for k in range(n - 1, 0, -1):
        row, vk, qk = a[k], v[k], q[k]
        for j in range(k + 1):
            row[j] -= vk * q[j] + qk * v[j]
        head, diagonal[k] = row[k - 1], row[k]
        rest = dot(row, row, k - 1, sums)
        beside[k], factors[k] = head, 0.0
        if rest != 0.0:
            length = np.sqrt(rest + head * head)
            beside[k] = -length if head > 0 else length
            factors[k] = (beside[k] - head) / beside[k]
            scale = 1.0 / (head - beside[k])
            for j in range(k - 1):
                row[j] *= scale
            row[k - 1] = 1.0
        for j in range(k):
            p[j] = 0.0
        i = 0
        while i + 4 <= k:
            x0, x1, x2, x3 = row[i], row[i + 1], row[i + 2], row[i + 3]
            v0, v1, v2, v3 = v[i], v[i + 1], v[i + 2], v[i + 3]
            q0, q1, q2, q3 = q[i], q[i + 1], q[i + 2], q[i + 3]
            for j in range(k):
                y0 = a[i, j] - (v0 * q[j] + q0 * v[j])
                y1 = a[i + 1, j] - (v1 * q[j] + q1 * v[j])
                y2 = a[i + 2, j] - (v2 * q[j] + q2 * v[j])
                y3 = a[i + 3, j] - (v3 * q[j] + q3 * v[j])
                a[i, j], a[i + 1, j], a[i + 2, j], a[i + 3, j] = y0, y1, y2, y3
                p[j] = p[j] + x0 * y0 + x1 * y1 + x2 * y2 + x3 * y3
            i += 4
        while i < k:
            for j in range(k):
                a[i, j] -= v[i] * q[j] + q[i] * v[j]
                p[j] += row[i] * a[i, j]
            i += 1
        for j in range(k):
            p[j] *= factors[k]
        half = 0.5 * factors[k] * dot(p, row, k, sums)
        for j in range(k):
            q[j] = p[j] - half * row[j]
            v[j] = row[j]
    diagonal[0], beside[0], factors[0] = a[0, 0] - 2.0 * v[0] * q[0], 0.0, 0.0


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
def eigenvalues(diagonal: FloatArray, beside: FloatArray, places: IntArray, values: FloatArray) -> None:
    """The eigenvalues that `places` (k,) others exceed, by bisection within Gershgorin's bounds, into `values` (k,).

    Eight bisections run side by side: a division waits for the one before it, but not for those beside it.
    """
    n, count = len(diagonal), len(places)
    low, high = np.inf, -np.inf
    for i in range(n):
        radius = abs(beside[i]) + (abs(beside[i + 1]) if i + 1 < n else 0.0)
        low, high = min(low, diagonal[i] - radius), max(high, diagonal[i] + radius)
    lows, highs, middles, q = np.empty(_LANES), np.empty(_LANES), np.empty(_LANES), np.empty(_LANES)
    above, target = np.empty(_LANES), np.empty(_LANES)
    for first in range(0, count, _LANES):
        for g in range(_LANES):
            lows[g], highs[g], target[g] = low, high, places[min(first + g, count - 1)]
        for _ in range(_HALVINGS):
            for g in range(_LANES):
                middles[g], q[g], above[g] = 0.5 * (lows[g] + highs[g]), np.inf, 0.0
            for i in range(n):
                here, square = diagonal[i], beside[i] * beside[i]
                for g in range(_LANES):
                    next_q = here - middles[g] - square / q[g]
                    next_q = -_TINY if abs(next_q) < _TINY else next_q
                    q[g] = next_q
                    above[g] += 1.0 if next_q > 0.0 else 0.0
            for g in range(_LANES):
                if lows[g] < middles[g] < highs[g]:
                    if above[g] > target[g]:
                        lows[g] = middles[g]
                    else:
                        highs[g] = middles[g]
        for g in range(min(_LANES, count - first)):
            values[first + g] = 0.5 * (lows[g] + highs[g])


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
def reflect_back(a: FloatArray, factors: FloatArray, vectors: FloatArray) -> None:
    """Turn eigenvectors of the tridiagonal matrix, `vectors` (k, n), into those of the matrix it was made of."""
    sums = np.empty(len(a))
    for k in range(1, len(a)):
        if factors[k] == 0.0:
            continue
        row = a[k]
        for c in range(len(vectors)):
            own = vectors[c]
            along = factors[k] * dot(row, own, k, sums)
            for i in range(k):
                own[i] -= along * row[i]
