"""The kernels of the forecasts are compiled at install, all of them, for the types that they are called with."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tradepipe.compiling.building import build
from tradepipe.forecasting.batched.kernels import jobs

EVERY_FAMILY = """
import itertools, json, sys
import numpy as np
from tradepipe.compiling import Compiled
from tradepipe.forecasting.engines.batched_arma import BatchedArma
from tradepipe.forecasting.engines.batched_garch import BatchedGarch
from tradepipe.forecasting.model import ModelSpec, Panel

values = np.random.default_rng(0).standard_normal((3, 400))
values.flags.writeable = False  # as columns of frames are
panel, bars = Panel(tuple("abc"), tuple(values)), Panel(tuple("abc"), tuple(values[:, :2]))
means = [ModelSpec("arma", order, mean=mean) for order in ((1, 0, 1), (2, 1, 0)) for mean in ("constant", "zero")]
variances = [
    ModelSpec(family, (1, 1), mean=mean, distribution=law)
    for family, mean, law in itertools.product(("garch", "gjr"), ("constant", "zero"), ("normal", "t"))
]
for engine, specs in ((BatchedArma(), means), (BatchedGarch(), variances)):
    for spec in specs:
        fits = engine.fit(panel, spec)
        fits = engine.fit(panel, spec, fits, turn=1, threads=2)
        assert fits.reason == (None,) * 3, (spec, fits.reason)
        engine.at(panel, spec, fits.parameters)
        engine.forecast(engine.update(fits, bars), 3)

rooms = [module for name, module in sys.modules.items() if name.startswith("tradepipe.forecasting.")]
kernels = {one for module in rooms for one in vars(module).values() if isinstance(one, Compiled)}
told = {}
for one in kernels:
    if "dispatcher" in vars(one):
        name = f"{one.function.__module__.rpartition('.')[2]}.{one.function.__name__}"
        told[name] = [len(one.dispatcher.signatures), sum(one.dispatcher.stats.cache_misses.values())]
print(json.dumps(told))
"""


@pytest.mark.slow
def test_a_fresh_process_fits_and_forecasts_every_family_without_compiling():
    assert build(jobs()).kept
    told = json.loads(
        subprocess.run(
            [sys.executable, "-c", EVERY_FAMILY],
            check=True,
            capture_output=True,
            text=True,
            env=os.environ,
            cwd=Path(__file__).parents[3],
        ).stdout
    )
    assert {name for name, counts in told.items() if counts != [1, 0]} == set()
    assert set(told) == {job.name for job in jobs()}
