"""How forecasts are made, refitted, combined, judged and promoted."""

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field, model_validator

from tradepipe.settings.sections import Duration, Section

MemberName = Literal["random_walk", "drift", "seasonal_naive", "arma_garch", "samossa"]
Rank = Annotated[int, Field(ge=0, le=500)]


class DriftSettings(Section):
    """When a model no longer fits and is refitted before its time."""

    bars: int = Field(20, ge=5, le=1000, description="newest bars that are looked at")
    log_likelihood: float = Field(
        0.5, ge=0, description="drop of the mean log-likelihood a bar, in nats, that asks for a refit; 0: never"
    )
    coverage: float = Field(
        0.2, ge=0, le=1, description="share by which the 95 % interval may miss its coverage, either way; 0: never"
    )


class SamossaSettings(Section):
    """Multivariate singular spectrum analysis with autoregressive residuals."""

    ranks: tuple[Rank, ...] = Field(
        (1, 2, 3, 5), min_length=1, description="ranks that cross-validation chooses among; 0: Gavish and Donoho's"
    )
    lags: int = Field(1, ge=0, le=10, description="order of the residuals' autoregression")
    across: Literal["universe", "sector"] = Field(
        "universe", description="series among which common factors are sought"
    )


class EnsembleSettings(Section):
    """How members become one forecast. The random walk is always one of them."""

    origins: int = Field(250, ge=20, le=2000, description="past origins that give weights and interval widths")
    min_origins: int = Field(
        60, ge=10, description="with fewer the random walk stands alone and its law gives the interval"
    )
    error_rate: float = Field(
        0.05,
        gt=0,
        le=1,
        description=(
            "probability with which chance alone lets any member count at a horizon, at some origin within `origins` "
            "bars; says how many standard deviations below the random walk's a member's past error must lie"
        ),
    )

    @model_validator(mode="after")
    def _order(self) -> "EnsembleSettings":
        if self.min_origins > self.origins:
            raise ValueError("min_origins must not exceed origins")
        return self


class RegimeSettings(Section):
    """Volatility and trend of the past, by which models are told apart."""

    volatility_bars: int = Field(20, ge=5, le=500, description="bars of the volatility that is looked at")
    trend_bars: int = Field(60, ge=5, le=1000, description="bars of the trend that is looked at")
    history_bars: int = Field(500, ge=50, le=5000, description="bars that say what is usual for the symbol")


class PromotionSettings(Section):
    """Which model versions are active: by rule, beside what a person says."""

    metric: Literal["log_score", "qlike", "rmse_ratio", "hit_rate", "sharpe", "win_rate"] = "log_score"
    best: int = Field(2, ge=1, le=20, description="most versions active in one regime")
    min_forecasts: int = Field(100, ge=1, description="judged forecasts that a version needs before it may be active")
    partitions: int = Field(12, ge=1, le=500, description="newest evaluation partitions that count")


class RetrainingSettings(Section):
    """Fitting ahead of the forecasts, by blocks of symbols. The numbers are the same on all executors."""

    executor: Literal["threads", "processes", "celery"] = "threads"
    block: int = Field(50, ge=1, le=5000, description="symbols fitted together")
    workers: int = Field(2, ge=1, le=256, description="threads or processes at once")
    broker_url: str | None = Field(None, description="celery: redis://host:port/0 of the Valkey that carries the tasks")
    lost_after: Duration = Field(
        dt.timedelta(minutes=1), description="celery: silence of a worker after which another one takes its block"
    )
    every: Duration = Field(
        dt.timedelta(days=7), description="age at which a schedule retrains; new data and drift do too"
    )

    @model_validator(mode="after")
    def _told(self) -> "RetrainingSettings":
        if self.executor == "celery" and self.broker_url is None:
            raise ValueError("executor celery needs broker_url")
        if self.lost_after < dt.timedelta(seconds=1):
            raise ValueError("lost_after must be a second at least")
        return self


class AuditSettings(Section):
    """The nightly look at our fits by a peer library."""

    symbols: int = Field(5, ge=0, le=1000, description="symbols, drawn by the partition's name, that are fitted again")
    tolerance: float = Field(1e-3, gt=0, description="nats by which our log-likelihood may lie below the peer's")


class ForecastSettings(Section):
    """Members, their refits, and how they become one forecast."""

    horizon: int = Field(5, ge=1, le=60, description="bars ahead")
    train_bars: int = Field(1000, ge=100, le=10_000, description="bars in the training window")
    min_train_bars: int = Field(500, ge=100, description="with fewer bars a baseline stands in for a model")
    members: tuple[MemberName, ...] = Field(
        ("random_walk", "drift", "seasonal_naive", "arma_garch", "samossa"),
        description="what is forecast and combined; the random walk always is",
    )
    engine: Literal["auto", "reference"] = Field(
        "auto", description="auto: our own kernels where they can; reference: statsmodels and arch, far slower"
    )
    arma_order: tuple[int, int, int] = Field((1, 0, 1), description="(p, d, q) of the mean of log returns")
    seasonal_order: tuple[int, int, int, int] = Field((0, 0, 0, 0), description="(P, D, Q, bars a season) of the mean")
    exog: tuple[str, ...] = Field((), description="indicator columns, a bar old, that the mean regresses on")
    volatility: Literal["garch", "gjr", "egarch"] = Field("gjr", description="variance equation of the ARMA member")
    garch_order: tuple[int, int] = Field((1, 1), description="(p, q) of the variance equation")
    distribution: Literal["normal", "t", "skewt"] = Field("t", description="law of the ARMA member's innovations")
    ewma_decay: float = Field(0.94, gt=0, lt=1, description="RiskMetrics decay of the baselines' volatility, a bar")
    season: int = Field(5, ge=1, le=2000, description="bars after which the seasonal naive member expects a repetition")
    refit: Literal["day", "week", "month"] = Field(
        "day", description="how often parameters are fitted anew: after each session, week or month"
    )
    drift: DriftSettings = DriftSettings()
    samossa: SamossaSettings = SamossaSettings()
    ensemble: EnsembleSettings = EnsembleSettings()
    regimes: RegimeSettings = RegimeSettings()
    promotion: PromotionSettings = PromotionSettings()
    retraining: RetrainingSettings = RetrainingSettings()
    audit: AuditSettings = AuditSettings()

    @model_validator(mode="after")
    def _consistent(self) -> "ForecastSettings":
        if self.min_train_bars > self.train_bars:
            raise ValueError("min_train_bars must not exceed train_bars")
        if "random_walk" not in self.members:
            raise ValueError("members must hold random_walk: it is what all others are judged by")
        if len(set(self.members)) < len(self.members):
            raise ValueError("members holds a name twice")
        if any(self.seasonal_order[:3]) != (self.seasonal_order[3] > 1):
            raise ValueError("seasonal_order needs an order (P, D, Q) and more than one bar a season, or is all 0")
        return self
