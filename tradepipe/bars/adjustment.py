"""Adjusted prices: computed from unadjusted bars and dated facts, as of a moment, and never stored.

Going back from the moment asked about, each fact scales what came before its ex-date:

    split      price / ratio, volume * ratio
    dividend   price * (1 - amount / close before the ex-date)        kind "total" only

Formula source: LEAN, Common/Data/Auxiliary/CorporateFactorRow.cs, `Apply`, for both. The adjusted
return over an ex-date is close / ((close before - amount) / ratio): what was earned by a holder who
put the dividend back into the share at the close before the ex-date.
"""

import datetime as dt
from typing import Final, Literal

import polars as pl

from tradepipe.contracts import CORPORATE_ACTIONS
from tradepipe.markets import CorporateActionError, Market, SessionCalendar

Kind = Literal["split", "total"]

PRICES: Final = ("open", "high", "low", "close")
FACTORS: Final = {"symbol": pl.String, "ex_date": pl.Date, "split_factor": pl.Float64, "price_factor": pl.Float64}
"""For rows of `symbol` before `ex_date` and not before an earlier one: what prices are multiplied by."""


def adjusted(bars: pl.DataFrame, market: Market, as_of: dt.datetime, kind: Kind = "split") -> pl.DataFrame:
    """`bars` of `market` as they looked, adjusted, at `as_of`: see `adjust`.

    The facts are those that the market's settings name under `corporate_actions`.

    Raises:
        CorporateActionError: the market names no facts, or one cannot be applied.
    """
    session = session_at(market.calendar, as_of)
    return adjust(bars, market.corporate_actions.facts, as_of=as_of, session=session, kind=kind)


def session_at(calendar: SessionCalendar, moment: dt.datetime) -> dt.date:
    """The last session that had opened at `moment` (aware).

    Raises:
        CorporateActionError: `moment` has no time zone, or none had opened in the fortnight before.
    """
    _refuse_naive(moment)
    day = moment.astimezone(dt.UTC).date()
    start, end = max(calendar.known[0], day - dt.timedelta(days=14)), min(calendar.known[1], day + dt.timedelta(days=2))
    opened = calendar.bounds(start, end).filter(pl.col("open_time") <= moment).get_column("session")
    if opened.is_empty():
        raise CorporateActionError(
            f"no session of calendar {calendar.code} had opened by {moment} and a fortnight before"
        )
    return opened[-1]  # type: ignore[no-any-return]


def adjust(
    bars: pl.DataFrame,
    actions: pl.DataFrame,
    *,
    as_of: dt.datetime,
    session: dt.date | None = None,
    kind: Kind = "split",
) -> pl.DataFrame:
    """What was known of `bars` at `as_of`, on the terms and under the symbols of that moment.

    Only bars with known_at <= as_of are given, and only facts are used that were known and had gone ex
    by then: of several of one symbol, ex-date and kind the one known last. Each bar bears the symbol
    that its security has at `as_of`. Bars of a security whose symbol has passed to another since are
    left out: ask as of the time when it had one. The close before a dividend is the fact's own
    reference price, else the last one among `bars` before the ex-date, on the terms of that day.

    Args:
        bars: symbol, session, open_time, open, high, low, close, volume, known_at and any others,
            unadjusted, in any order.
        actions: CORPORATE_ACTIONS columns.
        as_of: an aware time.
        session: the last session that had opened at `as_of`; default: its date in UTC.
        kind: `split` adjusts for splits, `total` for dividends as well.

    Returns:
        The columns of `bars`, sorted by symbol and open time.

    Raises:
        CorporateActionError: `as_of` has no time zone, or a dividend is not below the close before it.
    """
    _refuse_naive(as_of)
    facts = in_force(actions, as_of, session or as_of.astimezone(dt.UTC).date())
    own = own_history(bars.filter(pl.col("known_at") <= as_of), facts).sort("symbol", "open_time")
    factors = adjustment_factors(own, own_history(facts, facts, on="ex_date"))
    placed = _matched(own, factors)
    scale = pl.col("split_factor") * (pl.col("price_factor") if kind == "total" else 1.0)
    return placed.with_columns(
        *(pl.col(name) * scale for name in PRICES), volume=pl.col("volume") / pl.col("split_factor")
    ).select(bars.columns)


def in_force(actions: pl.DataFrame, as_of: dt.datetime, session: dt.date) -> pl.DataFrame:
    """The facts that were known at `as_of` and had gone ex by `session`, each in its latest word."""
    known = actions.filter(pl.col("known_at") <= as_of, pl.col("ex_date") <= session)
    return CORPORATE_ACTIONS.arrange(known).unique(["symbol", "ex_date", "kind"], keep="last", maintain_order=True)


def own_history(rows: pl.DataFrame, facts: pl.DataFrame, on: str = "session") -> pl.DataFrame:
    """`rows` under the symbol that their security has in the end, after the changes among `facts`.

    Rows of a security whose symbol another one uses in the end are left out. Their order is kept.

    Args:
        rows: symbol and the date `on`, which says who used the symbol.
        facts: CORPORATE_ACTIONS columns, one row a symbol, ex-date and kind.
        on: name of the date column.
    """
    holders = symbol_holders(facts)
    if holders.is_empty():
        return rows
    found = (
        rows.with_row_index("row")
        .sort(on)
        .join_asof(
            holders.sort("from"), left_on=on, right_on="from", by="symbol", strategy="backward", check_sortedness=False
        )
        .sort("row")
    )
    # A symbol that no fact names is its own; one that a fact names has a spell for every date.
    named = pl.col("from").is_not_null()
    return (
        found.with_columns(symbol=pl.when(named).then("holder").otherwise("symbol"))
        .filter(pl.col("symbol").is_not_null())
        .select(rows.columns)
    )


def symbol_holders(facts: pl.DataFrame) -> pl.DataFrame:
    """Who used each symbol from when on: symbol, from, holder.

    `holder` is the symbol that the security has in the end, null for one without any. Only symbols
    that a listing or a symbol change names are there, each from the beginning of time.
    """
    spells: dict[str, list[tuple[dt.date, int]]] = {}
    count = 0

    def begin(symbol: str, day: dt.date) -> None:
        nonlocal count
        count += 1
        spells.setdefault(symbol, []).append((day, count))

    told = facts.filter(pl.col("kind").is_in(["listing", "symbol_change"])).sort("ex_date", "kind", "symbol")
    for (day,), group in told.partition_by("ex_date", as_dict=True, maintain_order=True).items():
        rows = group.select("kind", "symbol", "new_symbol").rows()
        moving = [(old, new) for kind, old, new in rows if kind == "symbol_change" and old != new]
        for symbol in (*(symbol for _, symbol, _ in rows), *(new for _, new in moving)):
            if symbol not in spells:
                begin(symbol, dt.date.min)
        arriving = [(new, spells[old][-1][1]) for old, new in moving]
        for kind, symbol, _ in rows:  # who lists under a symbol, or finds it given up, is somebody else
            if kind == "listing" or any(symbol == old for old, _ in moving):
                begin(symbol, day)
        for new, security in arriving:  # all changes of one day happen at once
            spells[new].append((day, security))
    final = {used[-1][1]: symbol for symbol, used in spells.items()}
    held = [(symbol, day, final.get(security)) for symbol, used in spells.items() for day, security in used]
    schema = {"symbol": pl.String, "from": pl.Date, "holder": pl.String}
    frame = pl.DataFrame(held, schema=schema, orient="row")
    return frame.unique(["symbol", "from"], keep="last", maintain_order=True)


def adjustment_factors(bars: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """The cumulative factors of `facts` for the bars before each ex-date, newest terms being 1.

    Args:
        bars: symbol, session and close, unadjusted, sorted by symbol and time.
        facts: CORPORATE_ACTIONS columns, one row a symbol, ex-date and kind.

    Returns:
        symbol, ex_date, split_factor, price_factor: see FACTORS. Sorted by symbol and ex-date.

    Raises:
        CorporateActionError: a dividend is not below the close before its ex-date.
    """
    closes = bars.group_by("symbol", "session", maintain_order=True).agg(pl.last("close").alias("before"))
    cash = (
        facts.filter(pl.col("kind") == "dividend")
        .sort("ex_date")
        .join_asof(
            closes.sort("session"), left_on="ex_date", right_on="session", by="symbol",
            strategy="backward", allow_exact_matches=False, check_sortedness=False,
        )
    )  # fmt: skip
    cash = cash.with_columns(before=pl.coalesce("reference_price", "before"))
    _refuse_too_large(cash.filter(pl.col("amount") >= pl.col("before")))
    paid = cash.select("symbol", "ex_date", price_factor=(1 - pl.col("amount") / pl.col("before")).fill_null(1.0))
    split = facts.filter(pl.col("kind") == "split").select("symbol", "ex_date", split_factor=1 / pl.col("ratio"))
    return (
        split.join(paid, on=["symbol", "ex_date"], how="full", coalesce=True)
        .sort("symbol", "ex_date")
        .with_columns(
            pl.col(name).fill_null(1.0).cum_prod(reverse=True).over("symbol")
            for name in ("split_factor", "price_factor")
        )
        .select(list(FACTORS))
    )


def _matched(own: pl.DataFrame, factors: pl.DataFrame) -> pl.DataFrame:
    """`own`, sorted by symbol and time, with the factors of each row; 1 where no fact came after it."""
    return (
        own.with_row_index("row")
        .sort("session")
        .join_asof(
            factors.sort("ex_date"), left_on="session", right_on="ex_date", by="symbol",
            strategy="forward", allow_exact_matches=False, check_sortedness=False,
        )
        .sort("row")
        .with_columns(pl.col("split_factor", "price_factor").fill_null(1.0))
    )  # fmt: skip


def _refuse_too_large(broken: pl.DataFrame) -> None:
    if not broken.is_empty():
        one = broken.row(0, named=True)
        raise CorporateActionError(
            f"{one['symbol']}: the dividend of {one['amount']:g} going ex on {one['ex_date']} is not below the close "
            f"before it, {one['before']:g} (source: {one['source']}). Remedy: correct the amount, its currency or its "
            "terms (per share before the ex-date) by a later fact."
        )


def _refuse_naive(moment: dt.datetime) -> None:
    if moment.tzinfo is None:
        raise CorporateActionError(f"as of {moment}: a time zone is needed, such as UTC")
