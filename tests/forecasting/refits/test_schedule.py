import datetime as dt

import polars as pl
import pytest

from tradepipe.forecasting.model import ForecastError
from tradepipe.forecasting.refits.schedule import SESSIONS_BACK, RefitSchedule
from tradepipe.markets import calendar_for

YEARS = (dt.date(2015, 1, 2), dt.date(2018, 12, 31))


def schedule_of(every, calendar="XNYS", **more):
    return RefitSchedule(every, tuple(calendar_for(calendar).sessions(*YEARS)), **more)


def refit_days(schedule):
    return pl.Series([schedule.sessions[number] for number in schedule.refits])


@pytest.mark.parametrize(("every", "period"), [("week", "%G-%V"), ("month", "%Y-%m")])
def test_a_refit_is_after_the_last_session_of_each_period(every, period):
    schedule = schedule_of(every)
    days = pl.DataFrame({"day": schedule.sessions})
    days = days.group_by(pl.col("day").dt.strftime(period).alias("period")).agg(pl.max("day"))
    # When the last period ends is not known.
    assert refit_days(schedule).to_list() == sorted(days["day"])[:-1]


def test_each_session_is_one_of_daily_refits():
    schedule = schedule_of("day")
    assert len(schedule.refits) == len(schedule.sessions)


def test_good_friday_ends_its_week_on_thursday():
    assert dt.date(2018, 3, 29) in refit_days(schedule_of("week")).to_list()


def number(schedule, day):
    return int(schedule.numbers([day])[0])


def test_with_one_bar_a_session_a_refit_serves_its_own_bar():
    schedule = schedule_of("month")
    first, last = (number(schedule, day) for day in (dt.date(2017, 5, 1), dt.date(2017, 5, 31)))
    chain = schedule.chain(first, last)
    assert [schedule.sessions[one] for one in chain] == [dt.date(2017, 4, 28), dt.date(2017, 5, 31)]
    assert schedule.served(chain[0], chain[1], last) == (first - 1, last - 1)
    assert schedule.served(chain[1], None, last) == (last, last)


def test_with_several_it_serves_the_sessions_after():
    schedule = schedule_of("week", "24/7", several=True)
    sunday = number(schedule, dt.date(2017, 5, 7))
    assert schedule.chain(sunday, sunday) == [sunday - 7]
    assert schedule.chain(sunday + 1, sunday + 8) == [sunday, sunday + 7]
    assert schedule.served(sunday, sunday + 7, sunday + 8) == (sunday + 1, sunday + 7)
    assert schedule.served(sunday + 7, None, sunday + 8) == (sunday + 8, sunday + 8)


@pytest.mark.parametrize("every", ["day", "week", "month"])
@pytest.mark.parametrize("several", [False, True])
def test_every_session_is_served_once_by_the_newest_refit_of_any_chain(every, several):
    schedule = schedule_of(every, several=several)
    for first in range(40, 200, 7):
        last = first + 25
        chain = schedule.chain(first, last)
        bounds = [schedule.served(one, after, last) for one, after in zip(chain, [*chain[1:], None], strict=True)]
        served = [session for a, b in bounds for session in range(a, b + 1) if session >= first]
        assert served == list(range(first, last + 1))
        assert first - chain[0] <= SESSIONS_BACK[every]
        assert all(one + several <= start for one, (start, _) in zip(chain, bounds, strict=True))


def test_before_the_first_refit_nothing_is_served():
    schedule = schedule_of("month")
    end_of_january = number(schedule, dt.date(2015, 1, 30))
    assert schedule.chain(0, 5) == []
    assert schedule.chain(0, 25) == [end_of_january]


def test_a_day_that_is_no_session_is_named():
    with pytest.raises(ForecastError, match="2017-05-06 is no session of the refit schedule"):
        schedule_of("day").numbers([dt.date(2017, 5, 5), dt.date(2017, 5, 6)])
    with pytest.raises(ForecastError, match="not ascending"):
        _ = RefitSchedule("day", (dt.date(2017, 5, 5), dt.date(2017, 5, 5))).days
