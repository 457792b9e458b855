"""The members that a market's settings ask for."""

from typing import Final

from tradepipe.forecasting.model import Member, ModelSpec
from tradepipe.settings.forecasts import ForecastSettings, MemberName

BASELINES: Final[frozenset[str]] = frozenset({"random_walk", "drift", "seasonal_naive"})
"""Members that need no `min_train_bars`, and by which others are stood in for."""

RANDOM_WALK: Final = "random_walk"


def members_of(settings: ForecastSettings) -> tuple[Member, ...]:
    """Each member of `settings.members`, in that order, with its two equations."""
    return tuple(Member(name, _mean(name, settings), _variance(name, settings)) for name in settings.members)


def _mean(name: MemberName, settings: ForecastSettings) -> ModelSpec:
    if name == "arma_garch":
        order, season = settings.arma_order, settings.seasonal_order
        return ModelSpec("arma", order=order, seasonal=season, exog=settings.exog)
    if name == "samossa":
        return ModelSpec("samossa", ranks=settings.samossa.ranks, lags=settings.samossa.lags)
    if name == "seasonal_naive":
        return ModelSpec("seasonal_naive", seasonal=(0, 0, 0, settings.season))
    return ModelSpec(name)


def _variance(name: MemberName, settings: ForecastSettings) -> ModelSpec:
    if name in BASELINES:
        return ModelSpec("ewma", mean="zero", decay=settings.ewma_decay)
    return ModelSpec(settings.volatility, order=settings.garch_order, mean="zero", distribution=settings.distribution)
