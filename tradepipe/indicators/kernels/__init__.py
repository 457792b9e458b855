"""Compiled kernels. Import these modules only to run them: they import numba.

Every kernel is called `kernel(offsets, *inputs, *parameters, *outputs)`. The arrays of all series lie
end to end, series g in rows `offsets[g]` to `offsets[g + 1]`, in time order; inputs are read-only and
finite (the caller has checked), every row of every output is written, NaN where there is no value.

A kernel module holds one *technique* with its helpers (windows, recursions, …), and several families
share it. Numba's disk cache watches only the file of the function itself, so a compiled function must
never call one from another module: an edit there would leave a stale kernel behind. A test holds this.
"""
