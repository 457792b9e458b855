"""Versions and evidence, made by hand."""

import datetime as dt
import hashlib
import itertools

import polars as pl

from tradepipe.forecasting.registry import EVIDENCE, ModelRegistry, Version
from tradepipe.store.model import Input

MARKET = "toys"
NOW = dt.datetime(2020, 3, 1, 12, tzinfo=dt.UTC)


def content(text):
    return hashlib.sha256(text.encode()).hexdigest()


def window(partition, months=3, layer="bars"):
    """Generations of the months before a partition, its own included."""
    year, month = map(int, partition.split("-"))
    last = year * 12 + month
    keys = [f"{(one - 1) // 12:04}-{(one - 1) % 12 + 1:02}" for one in range(last - months + 1, last + 1)]
    return tuple(Input(f"{MARKET}/{layer}", key, content(key), 100 + int(key.replace("-", ""))) for key in keys)


def version(member="arma_garch", partition="2020-01", digest="00000001", *, market=MARKET, data=None, **other):
    told = {
        "mean": "arma(1, 0, 1)",
        "variance": "gjr(1, 1) zero mean t",
        "engines": {"batched": 0.75, "reference": 0.25},
        "parameters": {"ar1": (-0.5, 0.1, 0.6)},
        "fits": Input(f"{market}/member_forecasts.fits", partition, content(member + partition + digest), 7),
        "first_session": dt.date(2016, 1, 4),
        "last_session": dt.date(2020, 1, 31),
        "code_version": "1-abcd",
    } | other
    return Version(
        market=market,
        id=f"{member}/{partition}/{digest}",
        member=member,
        partition=partition,
        data=window(partition) if data is None else data,
        **told,
    )


def judged(one, score, *, regime="calm up", forecasts=200, partition=None, horizon=1, **sums):
    """A row of evidence whose mean log score is `score`."""
    plain = dict.fromkeys(EVIDENCE, 0)
    return plain | {
        "version": getattr(one, "id", one),
        "partition": partition or one.partition,
        "regime": regime,
        "horizon": horizon,
        "forecasts": forecasts,
        "log_score": score * forecasts,
        **sums,
    }


def frame(rows):
    return pl.DataFrame(rows, schema=EVIDENCE)


def enter(registry: ModelRegistry, made, rows=()):
    """Register versions and their evidence, and get them back."""
    registry.register(MARKET, made)
    if rows:
        registry.judge(MARKET, frame(rows), sorted({row["partition"] for row in rows}))
    return [registry.get(one.id, MARKET) for one in made]


def active(registry: ModelRegistry, regime="calm up", market=MARKET):
    return {one.version for one in registry.active(market, regime)}


def assert_consistent(registry: ModelRegistry, best=None):
    """What holds after every change: status, places and history say the same."""
    places = registry.active()
    holders = {(one.market, one.version) for one in places}
    for one in registry.all():
        key = (one.version.market, one.id)
        assert (one.status == "active") == (key in holders)
        assert set(one.regimes) == {place.regime for place in places if (place.market, place.version) == key}
        told = registry.history(one)
        assert told[0].happening == "registered"
        assert told[-1].after == one.status
        assert all(after.before == before.after for before, after in itertools.pairwise(told))
    if best is not None:
        regimes = [(one.market, one.regime) for one in places]
        assert all(regimes.count(regime) <= best for regime in regimes)
