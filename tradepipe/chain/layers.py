"""The chain of layers: what each one is, what it reads, how far back, and what would change it.

Everything that needs to know the chain reads it here: the asset factory, staleness, lineage and
the command line. A layer's partition is a function of the partitions named by `reads`, the
market's settings named by `settings_of`, and the code whose `version` is counted up when its
results change.
"""

from collections.abc import Sequence

from tradepipe import contracts
from tradepipe.bars import lookback_bars
from tradepipe.chain.ensemble import forecast_reads, forecast_settings
from tradepipe.chain.evaluation import regimes_lookback, scoring_lookback, scoring_settings, sectors_of
from tradepipe.chain.features import (
    DERIVED,
    indicator_reads,
    indicator_settings,
    spells_of,
)
from tradepipe.chain.layer import (
    FITS_LAYER,
    LANDING_LAYER,
    ORIGINS_LAYER,
    RELEASES_LAYER,
    TOLD,
    UNREAD,
    Layer,
    fingerprint,
    looking_back,
    reads,
)
from tradepipe.chain.members import member_contract, member_reads, member_settings
from tradepipe.contracts import Contract
from tradepipe.indicators import contract_for, features_of
from tradepipe.markets import Market


def _cleaning_lookback(market: Market) -> int:
    return market.lookback_sessions(lookback_bars(market.settings.cleaning))


def _horizon_lookback(market: Market) -> int:
    return market.lookback_sessions(market.settings.forecasts.horizon)


def reading_settings(market: Market) -> tuple[object, ...]:
    """What decides how a landing file is read, and which of its rows are kept in which partition."""
    told = market.settings
    return (
        told.source,
        told.calendar,
        told.interval,
        told.partition,
        str(told.start),
        str(told.end),
        str(told.publication_delay),
        [instrument.symbol for instrument in market.universe.instruments],
    )


def _cleaning_settings(market: Market) -> tuple[object, ...]:
    negative = [one.symbol for one in market.universe.instruments if one.may_be_negative]
    return (market.settings.calendar, market.settings.interval, market.settings.cleaning, negative)


def _signal_settings(market: Market) -> tuple[object, ...]:
    spells = spells_of(market)
    return (market.settings.strategy, *([spells] if spells else []))


def _trading_settings(market: Market) -> tuple[object, ...]:
    lots = [
        (one.symbol, str(one.lot), *((str(change.start), str(change.lot)) for change in one.rule_changes))
        for one in market.universe.instruments
    ]
    return (market.settings.execution, lots)


LAYERS: dict[str, Layer] = {
    layer.name: layer
    for layer in (
        Layer(
            name="raw_bars",
            description="Bars exactly as the source delivered them, with file, line and when they could be known.",
            kinds=("csv", "parquet"),
            version="2",
            reads=reads(),
            contract=lambda _market: contracts.RAW_BARS,
            settings_of=reading_settings,
        ),
        Layer(
            name="bars",
            description="Cleaned bars on the market's calendar. Refused rows are in quarantine with a reason.",
            kinds=("polars", "parquet"),
            version="3",
            reads=reads(raw_bars=_cleaning_lookback),
            beside=lambda market: {UNREAD: _cleaning_lookback(market)},
            told_by=(RELEASES_LAYER,),
            contract=lambda _market: contracts.BARS,
            settings_of=_cleaning_settings,
        ),
        Layer(
            name="intervals",
            description="Bars of the market's longer intervals, made from the base bars in one pass.",
            kinds=("polars", "parquet"),
            version="1",
            reads=reads(bars=0),
            contract=lambda _market: contracts.RESAMPLED_BARS,
            settings_of=lambda market: (market.settings.calendar, sorted(market.settings.intervals)),
            exists=lambda market: bool(market.settings.intervals),
        ),
        Layer(
            name="indicators",
            description="The market's configured indicators: pure functions of bars, computed from a fixed lookback.",
            kinds=("numba", "parquet"),
            version="2",
            reads=indicator_reads,
            contract=lambda market: contract_for(features_of(market)),
            settings_of=indicator_settings,
        ),
        Layer(
            name="regimes",
            description="Volatility (calm, normal, wild) and trend (down, flat, up) of each symbol, from its past.",
            kinds=("polars", "parquet"),
            version="1",
            reads=reads(bars=regimes_lookback),
            contract=lambda _market: contracts.REGIMES,
            settings_of=lambda market: (market.settings.forecasts.regimes,),
        ),
        Layer(
            name="member_forecasts",
            description=(
                "Mean and volatility over each horizon as each member sees them. Parameters are fitted anew on "
                "schedule and on drift; between refits new bars are filtered."
            ),
            kinds=("numba", "statsmodels", "arch", "parquet"),
            version="2",
            reads=member_reads,
            contract=member_contract,
            settings_of=member_settings,
        ),
        Layer(
            name="forecasts",
            description=(
                "Mean, volatility and intervals of 80, 90 and 95 % over each horizon: the ensemble's and its members'. "
                "Weights and widths follow from past errors over all symbols."
            ),
            kinds=("polars", "parquet"),
            version="3",
            reads=forecast_reads,
            contract=lambda _market: contracts.FORECASTS,
            settings_of=forecast_settings,
        ),
        Layer(
            name="forecast_scores",
            description="Each forecast judged out of sample once its target is known, in the target's partition.",
            kinds=("polars", "parquet"),
            version="2",
            reads=reads(forecasts=_horizon_lookback, bars=scoring_lookback),
            contract=lambda _market: contracts.FORECAST_SCORES,
            settings_of=scoring_settings,
        ),
        Layer(
            name="evaluations",
            description="What was trained before a partition, judged within it: sums that add up over partitions.",
            kinds=("polars", "parquet"),
            version="2",
            reads=reads(forecast_scores=0, regimes=_horizon_lookback),
            contract=lambda _market: contracts.EVALUATIONS,
            settings_of=lambda market: (sectors_of(market),),
        ),
        Layer(
            name="model_versions",
            description="The version of each member of a partition, entered in the model registry with its judgement.",
            kinds=("sqlalchemy", "parquet"),
            version="2",
            reads=reads(member_forecasts=_horizon_lookback, evaluations=0),
            beside=lambda market: {FITS_LAYER: _horizon_lookback(market), ORIGINS_LAYER: 0},
            contract=lambda _market: contracts.MODEL_VERSIONS,
            settings_of=lambda market: (market.settings.forecasts.promotion,),
        ),
        Layer(
            name="signals",
            description="Intents: the exposure a strategy wants per symbol and session, with its edge in basis points.",
            kinds=("polars", "parquet"),
            version="1",
            reads=reads(forecasts=0),
            contract=lambda _market: contracts.SIGNALS,
            settings_of=_signal_settings,
        ),
        Layer(
            name="orders",
            description="What became of each intent in the trading core, as of the partition's end.",
            kinds=("sqlalchemy", "parquet"),
            version="1",
            reads=reads(signals=0, bars=0),
            contract=lambda _market: contracts.ORDERS,
            settings_of=_trading_settings,
        ),
        Layer(
            name="fills",
            description="What the venue filled, in the partition of the fill.",
            kinds=("sqlalchemy", "parquet"),
            version="1",
            reads=reads(orders=1, bars=0),
            contract=lambda _market: contracts.FILLS,
            settings_of=_trading_settings,
        ),
        Layer(
            name="positions",
            description="Positions, cash and equity at each session's close: a fold over all fills so far.",
            kinds=("polars", "parquet"),
            version="1",
            reads=reads(fills=0, bars=0),
            contract=lambda _market: contracts.POSITIONS,
            settings_of=_trading_settings,
        ),
    )
}

RESEARCH = (
    *("raw_bars", "bars", "intervals", "indicators", "regimes", "member_forecasts"),
    *("forecasts", "forecast_scores", "evaluations", "model_versions", "signals"),
)
TRADING = ("orders", "fills", "positions")


def research(market: Market) -> tuple[str, ...]:
    """The research layers that `market` has, in order."""
    return tuple(name for name in RESEARCH if LAYERS[name].exists(market))


def with_inputs(market: Market, keys: Sequence[str]) -> list[str]:
    """`keys` and every partition that any research layer of them is computed from, in order."""
    wanted = set(keys)
    for name in reversed(research(market)):
        reached = LAYERS[name].input_partitions(market, sorted(wanted))
        wanted |= {key for by_key in reached.values() for read in by_key.values() for key in read}
    return sorted(wanted)


def contract_of(market: Market, layer: str) -> Contract:
    """The contract of `layer` of the chain, or of what one of its layers reads from beside it."""
    told = TOLD | DERIVED
    return told[layer] if layer in told else LAYERS[layer].contract(market)


def dataset(market: str, layer: str) -> str:
    """Name of a layer's dataset in the store."""
    return f"{market}/{layer}"


def quarantine_of(name: str) -> str:
    """Name of the dataset with the rows that `name`'s contract refused."""
    return f"{name}.quarantine"


__all__ = [
    "LANDING_LAYER",
    "LAYERS",
    "RELEASES_LAYER",
    "RESEARCH",
    "TOLD",
    "TRADING",
    "UNREAD",
    "Layer",
    "contract_of",
    "dataset",
    "fingerprint",
    "looking_back",
    "quarantine_of",
    "reading_settings",
    "research",
    "with_inputs",
]
