"""Contracts of the layers that decide: forecasts and signals."""

import polars as pl

from tradepipe.contracts.model import UTC, Column, Contract, Rule

_SYMBOL = Column("symbol", pl.String, "symbol within the market's universe")
_SESSION = Column("session", pl.Date, "session of the origin: the bar at whose close the forecast is made")
_ORIGIN = Column("open_time", UTC, "start of the origin bar", unit="UTC")
_HORIZON = Column("horizon", pl.Int32, "bars ahead of the origin", unit="bars", minimum=1)
_MODEL = Column("model", pl.String, "forecasting model: one of the market's configured models")
_TARGET_OPEN_TIME = Column("target_open_time", UTC, "start of the bar whose close is forecast", unit="UTC")
_TARGET_SESSION = Column("target_session", pl.Date, "session of the bar whose close is forecast")
_KNOWN_AT = Column("known_at", UTC, "when the newest bar used could first have been known", unit="UTC")
_TARGET_AHEAD = Rule(
    "target_not_ahead", pl.col("target_open_time") > pl.col("open_time"), "the target lies after the origin"
)

FORECASTS = Contract(
    name="forecasts",
    version="1",
    description="Mean, volatility and interval of the return over each horizon, per symbol and model.",
    key=("symbol", "open_time", "model", "horizon"),
    columns=(
        _SYMBOL,
        _SESSION,
        _ORIGIN,
        _KNOWN_AT,
        _MODEL,
        _HORIZON,
        _TARGET_OPEN_TIME,
        _TARGET_SESSION,
        Column("origin_price", pl.Float64, "close of the origin bar", unit="price currency", minimum=0, exclusive=True),
        Column(
            "mean_return", pl.Float64, "expected log return from origin close to target close", minimum=-2, maximum=2
        ),
        Column("volatility", pl.Float64, "standard deviation of that log return", minimum=0, maximum=5, exclusive=True),
        Column("price", pl.Float64, "median price forecast", unit="price currency", minimum=0, exclusive=True),
        Column("price_lower_95", pl.Float64, "lower end of the 95 % interval", unit="price currency", minimum=0),
        Column("price_upper_95", pl.Float64, "upper end of the 95 % interval", unit="price currency", minimum=0),
        Column("fitted_through", pl.Date, "last session used to fit the parameters"),
        Column("engine", pl.String, "what computed it", allowed=("reference", "baseline")),
        Column("fallback", pl.String, "why a baseline stands in for the model; null if none does", nullable=True),
    ),
    rules=(
        Rule("interval_crossed", pl.col("price_lower_95") <= pl.col("price_upper_95"), "the interval is not crossed"),
        _TARGET_AHEAD,
        Rule("fitted_on_future", pl.col("fitted_through") <= pl.col("session"), "no fit uses a later session"),
    ),
)

SIGNALS = Contract(
    name="signals",
    version="1",
    description="What a strategy wants to hold, with the edge it expects: one intent per symbol, strategy and session.",
    key=("symbol", "decided_at", "strategy"),
    columns=(
        _SYMBOL,
        Column("session", pl.Date, "session at whose close the decision is made"),
        Column("decided_at", UTC, "decision time; only rows known by then were used", unit="UTC"),
        Column("strategy", pl.String, "strategy that asks"),
        Column("horizon", pl.Int32, "bars over which the edge is expected", unit="bars", minimum=1),
        Column("model", pl.String, "forecasting model the decision rests on"),
        Column("score", pl.Float64, "expected return over the horizon divided by its volatility"),
        Column("target_weight", pl.Float64, "exposure wanted", unit="fraction of equity", minimum=-1, maximum=1),
        Column(
            "edge_bps", pl.Float64, "expected return of the position over the horizon, before cost", unit="basis points"
        ),
        Column(
            "volatility_bps", pl.Float64, "volatility over the horizon", unit="basis points", minimum=0, exclusive=True
        ),
        Column(
            "reference_price", pl.Float64, "close at the decision", unit="price currency", minimum=0, exclusive=True
        ),
        Column("expires_at", UTC, "after this an unsent intent is void", unit="UTC"),
        Column("known_at", UTC, "when the newest input could first have been known", unit="UTC"),
    ),
    rules=(
        Rule("uses_the_future", pl.col("known_at") <= pl.col("decided_at"), "every input was known at the decision"),
        Rule("expired_at_birth", pl.col("expires_at") > pl.col("decided_at"), "the intent outlives its decision"),
    ),
)
