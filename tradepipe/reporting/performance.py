"""Performance of an account from its equity, one value a session.

Formulas: returns are simple returns from one session to the next, r_t = E_t / E_(t-1) - 1. The
compound annual growth rate uses calendar time, (E_end / E_start) ^ (365.25 / days) - 1. Volatility
is the sample standard deviation of r (divisor n - 1) times the root of the sessions in a year;
the Sharpe ratio is mean(r) / std(r) times the same root, at a risk-free rate of zero (Sharpe,
"The Sharpe Ratio", Journal of Portfolio Management 1994). Drawdown is E_t / max(E_s, s <= t) - 1.
"""

import datetime as dt
import math
from dataclasses import dataclass

import polars as pl

DAYS_PER_YEAR = 365.25
SESSIONS_PER_YEAR = 252.0
_NO_SPREAD = 1e-12  # a spread of rounding errors is none


@dataclass(frozen=True)
class Performance:
    """An account's result. Returns, volatility and drawdown are fractions; None is undefined."""

    first_session: dt.date
    last_session: dt.date
    sessions: int
    start_equity: float
    end_equity: float
    total_return: float | None
    annual_return: float | None
    volatility: float | None
    sharpe: float | None
    max_drawdown: float
    drawdown_peak: dt.date
    drawdown_trough: dt.date


def equity_by_session(positions: pl.DataFrame) -> pl.DataFrame:
    """Equity at each session's close: columns session, equity (Float64, price currency), by session.

    `positions` keeps the POSITIONS contract, where all symbols of a session carry the account's equity.
    """
    return (
        positions.group_by("session")
        .agg(pl.col("equity").first().cast(pl.Float64))
        .filter(pl.col("equity").is_finite())
        .sort("session")
    )


def closes_by_session(bars: pl.DataFrame) -> pl.DataFrame:
    """Last close of each symbol and session: columns symbol, session, close; by symbol and session."""
    return (
        bars.sort("symbol", "open_time")
        .group_by("symbol", "session", maintain_order=True)
        .agg(pl.col("close").last())
        .sort("symbol", "session")
    )


def buy_and_hold(bars: pl.DataFrame, equity: pl.DataFrame) -> pl.DataFrame:
    """Equity of holding all symbols, bought in equal parts at the close of the first session of `equity`.

    Costs are left out and fractions may be held. A symbol without a close by that session is left
    out; a session without a close keeps the last one. Columns as `equity_by_session`.
    """
    if equity.is_empty() or bars.is_empty():
        return equity.clear()
    first = equity.item(0, "session")
    closes = closes_by_session(bars)
    bought = closes.filter(pl.col("session") <= first).group_by("symbol").agg(pl.col("close").last().alias("bought_at"))
    if bought.is_empty():
        return equity.clear()
    grid = equity.select("session").join(bought, how="cross").sort("session")
    growth = grid.join_asof(closes.sort("session"), on="session", by="symbol", check_sortedness=False).with_columns(
        growth=pl.col("close") / pl.col("bought_at")
    )
    return (
        growth.group_by("session")
        .agg(equity=pl.col("growth").mean() * equity.item(0, "equity"))
        .sort("session")
        .select("session", "equity")
    )


def drawdowns(equity: pl.DataFrame) -> pl.DataFrame:
    """Distance below the highest equity so far, as a fraction <= 0: columns session, drawdown.

    Null as long as no equity above zero was seen.
    """
    peak = pl.col("equity").cum_max()
    return equity.select(
        "session", drawdown=pl.when(peak > 0).then((pl.col("equity") / peak - 1.0).clip(upper_bound=0.0))
    )


def performance(
    equity: pl.DataFrame, *, sessions_per_year: float = SESSIONS_PER_YEAR, initial_equity: float | None = None
) -> Performance | None:
    """Judge an equity curve (`equity_by_session`); None when it is empty.

    Args:
        equity: columns session (ascending) and equity.
        sessions_per_year: 252 for an exchange, 365 for a market that never closes.
        initial_equity: what the account held before the first session; without it, returns start
            at the first session's close.
    """
    if equity.is_empty():
        return None
    curve = equity
    if initial_equity is not None:
        # The day before stands for "before the first session"; it only adds a day to the years.
        before = equity.item(0, "session") - dt.timedelta(days=1)
        curve = pl.concat(
            [equity.clear(), pl.DataFrame({"session": [before], "equity": [float(initial_equity)]}), equity]
        )
    start, end = float(curve.item(0, "equity")), float(curve.item(-1, "equity"))
    volatility, sharpe = _risk(curve, sessions_per_year)
    deepest, peak, trough = _deepest(curve)
    return Performance(
        first_session=equity.item(0, "session"),
        last_session=equity.item(-1, "session"),
        sessions=equity.height,
        start_equity=start,
        end_equity=end,
        total_return=end / start - 1.0 if start > 0 else None,
        annual_return=_annual(start, end, curve.item(-1, "session") - curve.item(0, "session")),
        volatility=volatility,
        sharpe=sharpe,
        max_drawdown=deepest,
        drawdown_peak=peak,
        drawdown_trough=trough,
    )


def _annual(start: float, end: float, span: dt.timedelta) -> float | None:
    if start <= 0 or end <= 0 or span.days <= 0:
        return None
    growth = math.log(end / start) * DAYS_PER_YEAR / span.days
    # A jump within days has no meaningful annual rate, and may have none a float can hold.
    return math.expm1(growth) if growth < math.log(1e6) else None


def _risk(curve: pl.DataFrame, sessions_per_year: float) -> tuple[float | None, float | None]:
    before = pl.col("equity").shift(1)
    returns = curve.select(
        # From zero or debt there is no return: growth has no base.
        (pl.when(before > 0).then(pl.col("equity") / before - 1.0)).alias("r")
    )["r"].drop_nulls()
    spread, mean = returns.std(), returns.mean()
    if not isinstance(spread, float) or not isinstance(mean, float):
        return None, None
    root = math.sqrt(sessions_per_year)
    return spread * root, (mean / spread * root if spread > _NO_SPREAD else None)


def _deepest(curve: pl.DataFrame) -> tuple[float, dt.date, dt.date]:
    """Deepest drawdown, the session of the peak before it and of its trough; 0 at the start if there is none."""
    falls = drawdowns(curve)
    trough = falls["drawdown"].fill_null(0.0).arg_min() or 0
    peak = curve["equity"].head(trough + 1).arg_max() or 0
    return float(falls["drawdown"].fill_null(0.0)[trough]), curve.item(peak, "session"), curve.item(trough, "session")
