"""Corporate actions from LEAN's map files and factor files (QuantConnect/Lean, Data/equity/usa).

Both hold one row a change, dated with the last session *before* it. A map file names the ticker in
use up to that date; a factor file has `date, price factor, split factor, reference price`, the
factors that apply up to that date, each relative to the end of the file. LEAN defines them as

    split factor before = split factor after / ratio
    price factor before = price factor after * (1 - dividend / close before the ex-date)

(Common/Data/Auxiliary/CorporateFactorRow.cs, `Apply`), which is read backwards here.
"""

import datetime as dt
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import polars as pl

from tradepipe.markets.calendar import SessionCalendar
from tradepipe.markets.corporate_actions import Action, CorporateActionError, action_frame

# Factors have seven digits: ratios and amounts beyond these are what rounding left of nothing.
SAME = 2e-6
LARGEST_PART = 100
FACTOR_LINE = "factor file: yyyymmdd,price factor,split factor,reference price"
LAST_DIGIT = 1e-7


@dataclass(frozen=True)
class TickerSpell:
    """A security's ticker, in capitals, from `first` to `last`, both inclusive."""

    ticker: str
    first: dt.date
    last: dt.date


def ticker_history(map_file: str) -> list[TickerSpell]:
    """The tickers of one security, in order, from the text of its LEAN map file.

    Raises:
        CorporateActionError: a line is not `yyyymmdd,ticker[,exchange]`, or the dates do not ascend.
    """
    rows = _rows(map_file, 2, "map file: yyyymmdd,ticker[,exchange]")
    spells: list[TickerSpell] = []
    start = rows[0][0]
    for day, (ticker, *_) in rows:
        if spells and spells[-1].ticker == ticker.upper():
            spells[-1] = TickerSpell(ticker.upper(), spells[-1].first, day)
        else:
            spells.append(TickerSpell(ticker.upper(), start, day))
        start = day + dt.timedelta(days=1)
    return spells


def actions_from_lean_map(map_file: str, calendar: SessionCalendar, source: str) -> pl.DataFrame:
    """A listing of the security's first ticker, and a symbol change for each further one.

    LEAN says nothing of announcements: a fact counts as known at the start (UTC) of its ex-date.

    Returns:
        CORPORATE_ACTIONS.
    """
    spells = ticker_history(map_file)
    first = spells[0]
    listed = _on_or_after(calendar, first.first)
    facts = [Action(symbol=first.ticker, kind="listing", ex_date=listed, known_at=_start(listed))]
    for before, after in itertools.pairwise(spells):
        changed = _on_or_after(calendar, after.first)
        facts.append(
            Action(
                symbol=before.ticker,
                kind="symbol_change",
                ex_date=changed,
                known_at=_start(changed),
                new_symbol=after.ticker,
            )
        )
    return action_frame(facts, source)


def actions_from_lean_factors(
    factor_file: str, spells: Sequence[TickerSpell], calendar: SessionCalendar, source: str
) -> pl.DataFrame:
    """Splits and dividends from the text of a LEAN factor file.

    A split's ratio is the nearest fraction with parts up to 100 where one is within the factors' rounding,
    else the number itself. A dividend is the number of fewest decimals, cents at
    least, that gives the factor as it was written. Known at the start (UTC) of the
    ex-date, because LEAN does not tell when it was announced.

    Args:
        factor_file: the file's text.
        spells: the security's tickers, which name each fact by the ticker of its ex-date.
        calendar: by whose sessions the ex-date follows the row's date.
        source: what the facts give as their source.

    Returns:
        CORPORATE_ACTIONS.

    Raises:
        CorporateActionError: a line cannot be read, or the security had no ticker on an ex-date.
    """
    rows = [(day, _numbers(day, told)) for day, told in _rows(factor_file, 4, FACTOR_LINE)]
    facts: list[Action] = []
    for (day, before), (_, after) in itertools.pairwise(rows):
        price, split = before[0] / after[0], before[1] / after[1]
        if abs(price - 1) <= SAME and abs(split - 1) <= SAME:
            continue
        ex_date = _on_or_after(calendar, day + dt.timedelta(days=1))
        symbol = _ticker(spells, ex_date)
        if abs(split - 1) > SAME:
            facts.append(
                Action(symbol=symbol, kind="split", ex_date=ex_date, known_at=_start(ex_date), ratio=_ratio(1 / split))
            )
        if abs(price - 1) > SAME:
            reference = before[2]
            facts.append(
                Action(
                    symbol=symbol,
                    kind="dividend",
                    ex_date=ex_date,
                    known_at=_start(ex_date),
                    amount=_amount(reference * (1 - price), reference * LAST_DIGIT / after[0]),
                    reference_price=reference,
                )
            )
    return action_frame(facts, source)


def _numbers(day: dt.date, told: Sequence[str]) -> list[float]:
    try:
        numbers = [float(one) for one in told[:3]]
    except ValueError:
        numbers = []
    # LEAN writes `inf` where a factor outgrew its digits; nothing can be read from it.
    if not numbers or not all(map(math.isfinite, numbers)) or min(numbers[:2]) <= 0:
        raise CorporateActionError(f"factor file, {day}: factors above zero are expected, found {','.join(told)}")
    return numbers


def _ratio(value: float) -> float:
    near = Fraction(value).limit_denominator(LARGEST_PART)
    return float(near) if near > 0 and abs(float(near) / value - 1) <= 5 * SAME else value


def _amount(value: float, rounding: float) -> float:
    fits = (round(value, decimals) for decimals in range(2, 7) if abs(round(value, decimals) - value) <= rounding)
    return next(fits, value)


def _ticker(spells: Sequence[TickerSpell], day: dt.date) -> str:
    for spell in spells:
        if spell.first <= day <= spell.last:
            return spell.ticker
    told = ", ".join(f"{spell.ticker} {spell.first} to {spell.last}" for spell in spells)
    raise CorporateActionError(f"factor file: no ticker on {day}; the map file knows {told}")


def _rows(text: str, least: int, expected: str) -> list[tuple[dt.date, list[str]]]:
    rows: list[tuple[dt.date, list[str]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.strip().split(",")
        if fields == [""]:
            continue
        try:
            day = dt.datetime.strptime(fields[0], "%Y%m%d").replace(tzinfo=dt.UTC).date()
        except ValueError:
            day = None
        if day is None or len(fields) < least or (rows and day <= rows[-1][0]):
            raise CorporateActionError(f"line {number} of a {expected}, dates ascending: found {line!r}")
        rows.append((day, fields[1:]))
    if not rows:
        raise CorporateActionError(f"an empty {expected}")
    return rows


def _on_or_after(calendar: SessionCalendar, day: dt.date) -> dt.date:
    reach = min(calendar.known[1], day + dt.timedelta(days=14))
    sessions = calendar.sessions(day, reach) if day <= reach else []
    return sessions[0] if sessions else day


def _start(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)
