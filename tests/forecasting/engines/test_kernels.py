"""The kernels of the forecasts are compiled at install, all of them, for the types that they are called with."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tradepipe.compiling.building import CompileError, build
from tradepipe.forecasting.engines.kernels import KERNELS, jobs, name_of

EVERY_FAMILY = """
import itertools, json, sys
import numpy as np
from tests.forecasting.ensemble.made import world
from tradepipe.compiling import Compiled
from tradepipe.forecasting.engines import filter_batch, fit_batch, forecast_batch, update_batch
from tradepipe.forecasting.engines.kernels import name_of
from tradepipe.forecasting.model import ModelSpec, Panel

values = np.random.default_rng(0).standard_normal((6, 400))
exog = np.random.default_rng(1).standard_normal((6, 405, 1))
values.flags.writeable = exog.flags.writeable = False  # as columns of frames are
panel = Panel(tuple("abcdef"), tuple(values), tuple(exog), tuple("xxxyyy"))
bars = Panel(tuple("abcdef"), tuple(values[:, :2]), tuple(exog[:, :2]))
means = [ModelSpec("arma", order, mean=mean) for order in ((1, 0, 1), (2, 1, 0)) for mean in ("constant", "zero")]
means += [ModelSpec("arma", (1, 0, 1), seasonal=(1, 0, 0, 5)), ModelSpec("arma", (1, 0, 0), exog=("x",))]
means += [ModelSpec("samossa", ranks=(1, 2, 0), lags=1), ModelSpec("random_walk"), ModelSpec("drift")]
means += [ModelSpec("seasonal_naive", seasonal=(0, 0, 0, 5))]
variances = [ModelSpec("ewma")] + [
    ModelSpec(family, (1, 1), mean=mean, distribution=law)
    for family, mean, law in itertools.product(("garch", "gjr"), ("constant", "zero"), ("normal", "t"))
]
specs = [*means, *variances]
fits = fit_batch(panel, specs)
fits = fit_batch(panel, specs, fits, turn=1, threads=2)
for spec, one in fits.items():
    assert one.reason == (None,) * 6, (spec, one.reason)
forecast_batch(update_batch(filter_batch(fits, panel), bars), 3)
world(2, 40).forecasts()

def kind(type_):
    if not hasattr(type_, "ndim"):
        return {"float64": "f", "int64": "i", "bool": "b"}.get(str(type_), str(type_))
    short = f"{str(type_.dtype)[0]}{type_.ndim}"
    return short if type_.mutable and type_.layout == "C" and type_.aligned else str(type_)

rooms = [module for name, module in sys.modules.items() if name.startswith("tradepipe.forecasting.")]
kernels = {one for module in rooms for one in vars(module).values() if isinstance(one, Compiled)}
called = {
    name_of(one): [[" ".join(map(kind, types)) for types in one.dispatcher.signatures],
                   sum(one.dispatcher.stats.cache_misses.values())]
    for one in kernels if "dispatcher" in vars(one) and one.dispatcher.signatures
}
print(json.dumps(called))
"""


@pytest.mark.slow
def test_a_fresh_process_forecasts_by_every_family_and_the_ensemble_without_compiling():
    with contextlib.suppress(CompileError):  # a line that is wrong is told below, as it should be
        assert build(jobs()).kept
    done = subprocess.run(
        [sys.executable, "-c", EVERY_FAMILY],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ,
        cwd=Path(__file__).parents[3],
    )
    assert not done.returncode, done.stderr
    called = json.loads(done.stdout)
    listed = {name_of(kernel): [kinds] for kernel, kinds in KERNELS}
    compiled = {name for name, (_, misses) in called.items() if misses}
    assert {name: kinds for name, (kinds, _) in called.items() if name in listed or name not in compiled} == listed
    assert compiled == set()
