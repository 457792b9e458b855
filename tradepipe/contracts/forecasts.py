"""Contracts of the forecasts: what each member says, how it was fitted, and the one forecast made of them."""

from collections.abc import Sequence

import polars as pl

from tradepipe.contracts.model import UTC, Column, Contract, Rule

SYMBOL = Column("symbol", pl.String, "symbol within the market's universe")
SESSION = Column("session", pl.Date, "session of the origin: the bar at whose close the forecast is made")
ORIGIN = Column("open_time", UTC, "start of the origin bar", unit="UTC")
HORIZON = Column("horizon", pl.Int32, "bars ahead of the origin", unit="bars", minimum=1)
MODEL = Column("model", pl.String, "a member's name, or ensemble")
TARGET_OPEN_TIME = Column("target_open_time", UTC, "start of the bar whose close is forecast", unit="UTC")
TARGET_SESSION = Column("target_session", pl.Date, "session of the bar whose close is forecast")
TARGET_AHEAD = Rule(
    "target_not_ahead", pl.col("target_open_time") > pl.col("open_time"), "the target lies after the origin"
)
KNOWN_AT = Column("known_at", UTC, "when the newest bar used could first have been known", unit="UTC")
ORIGIN_PRICE = Column(
    "origin_price", pl.Float64, "close of the origin bar", unit="price currency", minimum=0, exclusive=True
)
FITTED_THROUGH = Column("fitted_through", pl.Date, "last session used to fit the parameters")
FITTED_ON_FUTURE = Rule(
    "fitted_on_future", pl.col("fitted_through") <= pl.col("session"), "no fit uses a later session"
)

ENSEMBLE = "ensemble"
MEMBER_ENGINES = ("batched", "reference", "samossa", "baseline")
LEVELS = (80, 90, 95)

STANDS_IN = (pl.col("engine") == "baseline") & pl.col("fallback").is_not_null()
"""Whether a row's numbers are a baseline's, in the place of the model that it is named after."""

MEAN_RETURN = ("expected log return from origin close to target close", -2.0, 2.0)
VOLATILITY = ("standard deviation of that log return", 0.0, 5.0)


def member_forecasts_contract(members: Sequence[str]) -> Contract:
    """The contract of a market's member forecasts: four columns a member, one row a symbol, origin and horizon."""
    return Contract(
        name="member_forecasts",
        version="1",
        description="Mean and volatility of the return over each horizon as each member sees it.",
        key=("symbol", "open_time", "horizon"),
        columns=(
            SYMBOL,
            SESSION,
            ORIGIN,
            KNOWN_AT,
            HORIZON,
            TARGET_OPEN_TIME,
            TARGET_SESSION,
            ORIGIN_PRICE,
            FITTED_THROUGH,
            *(column for name in members for column in _of_member(name)),
        ),
        rules=(TARGET_AHEAD, FITTED_ON_FUTURE),
    )


def _of_member(name: str) -> tuple[Column, ...]:
    mean, least, most = MEAN_RETURN
    spread, none, wildest = VOLATILITY
    return (
        Column(f"mean_{name}", pl.Float64, f"{name}: {mean}", minimum=least, maximum=most),
        Column(f"volatility_{name}", pl.Float64, f"{name}: {spread}", minimum=none, maximum=wildest, exclusive=True),
        Column(f"engine_{name}", pl.String, f"{name}: what computed it", allowed=MEMBER_ENGINES),
        Column(f"fallback_{name}", pl.String, f"{name}: why its first engine did not; null if it did", nullable=True),
        Column(
            f"freedom_{name}",
            pl.Float64,
            f"{name}: degrees of freedom of the Student t law; null: normal",
            minimum=2,
            nullable=True,
        ),
    )


FITS = Contract(
    name="fits",
    version="1",
    description="How each member was fitted: one row a symbol, refit session and member.",
    key=("symbol", "session", "model"),
    columns=(
        SYMBOL,
        Column("session", pl.Date, "session after whose close it was fitted"),
        MODEL,
        Column("trained_through", pl.Date, "session of the newest bar of the training window"),
        Column(
            "trigger",
            pl.String,
            "first: begins the partition's chain, cold; schedule: due; drift: the one before described bars no more",
            allowed=("first", "schedule", "drift"),
        ),
        Column("engine", pl.String, "what fitted it", allowed=MEMBER_ENGINES),
        Column("fallback", pl.String, "why its first engine did not; null if it did", nullable=True),
        Column("observations", pl.Int64, "returns in the training window", minimum=0),
        Column("log_likelihood", pl.Float64, "of the mean equation, in nats; null: it has none", nullable=True),
        Column("variance_log_likelihood", pl.Float64, "of the variance equation; null: it has none", nullable=True),
        Column("converged", pl.Boolean, "the optimisers' word; true where nothing was optimised; no sign of quality"),
        Column("evaluations", pl.Int64, "of both likelihoods", minimum=0),
        Column("warnings", pl.String, "categories of what a peer library warned of; empty for nothing"),
        Column("parameters", pl.String, "JSON object, name to value, in units of log returns, 12 significant digits"),
        Column("version", pl.String, "model version: member, partition, digest of specs, code and all parameters"),
    ),
    rules=(
        Rule("trained_on_future", pl.col("trained_through") <= pl.col("session"), "no window reaches beyond its refit"),
    ),
)


_PRICE = Column("price", pl.Float64, "median price forecast", unit="price currency", minimum=0, exclusive=True)


def _interval(level: int) -> tuple[Column, Column]:
    return (
        Column(f"price_lower_{level}", pl.Float64, f"lower end of the {level} % interval", "price currency", 0),
        Column(f"price_upper_{level}", pl.Float64, f"upper end of the {level} % interval", "price currency", 0),
    )


FORECASTS = Contract(
    name="forecasts",
    version="2",
    description="Mean, volatility and intervals of the return over each horizon: the ensemble's, and its members'.",
    key=("symbol", "open_time", "model", "horizon"),
    columns=(
        SYMBOL,
        SESSION,
        ORIGIN,
        KNOWN_AT,
        MODEL,
        HORIZON,
        TARGET_OPEN_TIME,
        TARGET_SESSION,
        ORIGIN_PRICE,
        Column("mean_return", pl.Float64, *MEAN_RETURN[:1], minimum=MEAN_RETURN[1], maximum=MEAN_RETURN[2]),
        Column("volatility", pl.Float64, *VOLATILITY[:1], minimum=VOLATILITY[1], maximum=VOLATILITY[2], exclusive=True),
        Column(
            "freedom",
            pl.Float64,
            "degrees of freedom of the Student t law that the return is scored by; null: normal",
            minimum=2,
            exclusive=True,
            nullable=True,
        ),
        _PRICE,
        *(column for level in LEVELS for column in _interval(level)),
        Column(
            "interval",
            pl.String,
            "conformal: width from past errors; law: from the model's law",
            allowed=("conformal", "law"),
        ),
        Column(
            "weight",
            pl.Float64,
            "of the member in the ensemble's mean; null: the ensemble itself",
            minimum=0,
            maximum=1,
            nullable=True,
        ),
        FITTED_THROUGH,
        Column("engine", pl.String, "what computed it", allowed=(*MEMBER_ENGINES, ENSEMBLE)),
        Column("fallback", pl.String, "why the first engine did not; null if it did", nullable=True),
    ),
    rules=(
        *(
            Rule(
                f"interval_{level}_crossed",
                pl.col(f"price_lower_{level}") <= pl.col(f"price_upper_{level}"),
                f"the {level} % interval is not crossed",
            )
            for level in LEVELS
        ),
        TARGET_AHEAD,
        FITTED_ON_FUTURE,
    ),
)
