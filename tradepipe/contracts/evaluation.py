"""Contracts of what judges forecasts: the regime at each bar, each forecast's scores, and sums that add up."""

import polars as pl

from tradepipe.contracts.forecasts import (
    FITTED_THROUGH,
    HORIZON,
    KNOWN_AT,
    LEVELS,
    MODEL,
    ORIGIN,
    SESSION,
    SYMBOL,
    TARGET_AHEAD,
    TARGET_OPEN_TIME,
    TARGET_SESSION,
)
from tradepipe.contracts.model import Column, Contract, Rule

UNKNOWN = "unknown"
"""Regime of a bar with too short a past, and sector of an instrument without one."""

VOLATILITY_STATES = ("calm", "normal", "wild")
TREND_STATES = ("down", "flat", "up")
REGIME_NAMES = (*(f"{volatility} {trend}" for volatility in VOLATILITY_STATES for trend in TREND_STATES), UNKNOWN)

_REGIME = Column("regime", pl.String, "volatility and trend at the origin's close", allowed=REGIME_NAMES)
_SECTOR = Column("sector", pl.String, f"sector of the instrument, or {UNKNOWN}")

REGIMES = Contract(
    name="regimes",
    version="1",
    description="Volatility and trend of each symbol at each bar's close, from its past alone.",
    key=("symbol", "open_time"),
    columns=(
        SYMBOL,
        Column("session", pl.Date, "session of the bar"),
        Column("open_time", ORIGIN.dtype, "start of the bar at whose close the regime holds", unit="UTC"),
        KNOWN_AT,
        Column("volatility", pl.Float32, "root mean square of the newest log returns, a bar", minimum=0, nullable=True),
        Column("trend", pl.Float32, "log return of the newest bars over what chance alone would move", nullable=True),
        Column(
            "volatility_state",
            pl.String,
            "third of the symbol's own past that the volatility lies in",
            allowed=(*VOLATILITY_STATES, UNKNOWN),
        ),
        Column("trend_state", pl.String, "where the price went", allowed=(*TREND_STATES, UNKNOWN)),
        Column("regime", pl.String, "both states in two words", allowed=REGIME_NAMES),
    ),
)


def _of_forecast(name: str, description: str, minimum: float | None = None, *, nullable: bool = False) -> Column:
    """Seven digits of a score: what is averaged needs no more, and 19 million rows need half the room (0011)."""
    return Column(name, pl.Float32, description, minimum=minimum, nullable=nullable)


FORECAST_SCORES = Contract(
    name="forecast_scores",
    version="2",
    description="Out-of-sample verdict on each forecast once its target is known, in the target's partition.",
    key=("symbol", "target_open_time", "model", "horizon"),
    columns=(
        SYMBOL,
        TARGET_OPEN_TIME,
        TARGET_SESSION,
        MODEL,
        HORIZON,
        SESSION,
        ORIGIN,
        Column("fitted_from", pl.Date, "oldest session of the training window", nullable=True),
        FITTED_THROUGH,
        Column("realised_return", pl.Float64, "log return that came", minimum=-2, maximum=2),
        Column("squared_error", pl.Float64, "(realised - expected) squared", minimum=0),
        _of_forecast("absolute_error", "|realised - expected|", 0),
        Column(
            "scale",
            pl.Float32,
            "mean absolute one-bar log return in the training window; null: the price never moved",
            minimum=0,
            exclusive=True,
            nullable=True,
        ),
        _of_forecast("sape", "2 |price - forecast| / (price + forecast)", 0),
        _of_forecast("log_score", "log density of the return under the forecast's law, in nats; higher is better"),
        _of_forecast("crps", "continuous ranked probability score of the return; lower is better", 0),
        _of_forecast("qlike", "QLIKE loss of the variance forecast (Patton 2011): r2/h - log(r2/h) - 1", 0),
        Column("direction_hit", pl.Boolean, "sign was right; null when no direction was forecast", nullable=True),
        *(Column(f"inside_{level}", pl.Boolean, f"the {level} % interval held the realised price") for level in LEVELS),
        Column("is_fallback", pl.Boolean, "the engine asked for first did not compute it"),
        _of_forecast("weight", "of the member in the ensemble's mean; null: the ensemble itself", 0, nullable=True),
        _of_forecast(
            "target_weight",
            "exposure that the market's strategy would have wanted of this model; null at horizons that it ignores",
            nullable=True,
        ),
        _of_forecast("strategy_return", "target_weight times the realised return", nullable=True),
    ),
    rules=(
        TARGET_AHEAD,
        Rule(
            "trained_on_target",
            pl.col("fitted_through") < pl.col("target_session"),
            "the training window ends before the target's session",
        ),
    ),
)


def _count(name: str, description: str) -> Column:
    return Column(name, pl.Int32, description, minimum=0)


def _sum(name: str, of: str, minimum: float | None = None) -> Column:
    return Column(name, pl.Float64, f"sum of {of}", minimum=minimum)


EVALUATIONS = Contract(
    name="evaluations",
    version="1",
    description=(
        "How the forecasts trained before a partition did within it: sums that add up over any partitions, symbols, "
        "sectors and regimes. Each model counts on the targets that the random walk forecast too."
    ),
    key=("symbol", "model", "horizon", "regime"),
    columns=(
        SYMBOL,
        MODEL,
        HORIZON,
        _REGIME,
        _SECTOR,
        Column("train_first_session", pl.Date, "oldest session of the first training window", nullable=True),
        Column("train_last_session", pl.Date, "last session of the last training window"),
        Column("test_first_session", pl.Date, "first target session"),
        Column("test_last_session", pl.Date, "last target session"),
        _count("forecasts", "forecasts judged"),
        _count("fallbacks", "forecasts that the engine asked for first did not compute"),
        _sum("squared_error", "squared errors of the log return", 0),
        _sum("walk_squared_error", "the random walk's squared errors on the same targets", 0),
        _sum("absolute_error", "absolute errors of the log return", 0),
        _sum("scaled_error", "absolute errors, each over its scale", 0),
        _count("scaled", "forecasts with a scale"),
        _sum("sape", "symmetric absolute percentage errors of the price, as fractions", 0),
        _sum("log_score", "log densities, in nats"),
        _sum("crps", "CRPS", 0),
        _sum("qlike", "QLIKE", 0),
        _count("directions", "forecasts with a sign"),
        _count("hits", "signs that were right"),
        *(_count(f"inside_{level}", f"outcomes inside the {level} % interval") for level in LEVELS),
        _count("weighted", "forecasts of a member of the ensemble"),
        _sum("weight", "their weights", 0),
        _count("decisions", "forecasts that the strategy would have acted on, or chosen not to"),
        _count("positions", "decisions with an exposure"),
        _count("wins", "positions with a gain"),
        _sum("strategy_return", "returns of the decisions"),
        _sum("strategy_return_squared", "squared returns of the decisions", 0),
    ),
    rules=(
        Rule(
            "trained_on_test",
            pl.col("train_last_session") < pl.col("test_last_session"),
            "the last training window ends before the last target's session",
        ),
    ),
)

EVALUATION_ORIGINS = Contract(
    name="evaluation_origins",
    version="1",
    description=(
        "The sums of evaluations over all symbols, told apart by the partition that the forecasts were made in: what "
        "the fits of a partition come to, whatever partition their targets lie in."
    ),
    key=("model", "made_in", "horizon", "regime"),
    columns=(
        MODEL,
        Column("made_in", pl.String, "partition of the forecasts' origins"),
        HORIZON,
        _REGIME,
        Column("test_first_session", pl.Date, "first target session"),
        *EVALUATIONS.columns[EVALUATIONS.column_names.index("forecasts") :],
    ),
)

EVALUATION_LOSSES = Contract(
    name="evaluation_losses",
    version="1",
    description=(
        "Loss against the random walk at each target bar, summed over the symbols of a sector and regime: the series "
        "that Diebold-Mariano tests of any range, sector or regime need."
    ),
    key=("target_open_time", "model", "horizon", "sector", "regime"),
    columns=(
        TARGET_OPEN_TIME,
        TARGET_SESSION,
        MODEL,
        HORIZON,
        _SECTOR,
        _REGIME,
        _sum("loss_difference", "squared errors less the random walk's"),
        _count("forecasts", "forecasts in the sum"),
    ),
)
