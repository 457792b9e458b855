import datetime as dt
import decimal
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepipe.risk import risk_gate, timeliness
from tradepipe.settings.models import RiskSettings

SETTINGS = RiskSettings(
    max_symbol_exposure=Decimal("0.6"), max_gross_exposure=Decimal(1), max_order_notional=Decimal(700)
)
AMOUNTS = st.decimals(min_value=-2000, max_value=2000, places=2)


def judge(before, after, others="0", equity="1000"):
    return risk_gate(
        SETTINGS, before=Decimal(before), after=Decimal(after), gross_others=Decimal(others), equity=Decimal(equity)
    )


@pytest.mark.parametrize(
    ("before", "after", "others", "equity", "code"),
    [
        ("0", "600", "400", "1000", "ok"),  # both limits reached exactly
        ("0", "600.01", "0", "1000", "symbol_limit"),
        ("0", "-600.01", "0", "1000", "symbol_limit"),
        ("0", "600", "400.01", "1000", "gross_limit"),
        ("0", "701", "0", "2000", "order_notional_limit"),
        ("-350", "351", "0", "1000", "order_notional_limit"),
        ("0", "1", "0", "0", "no_equity"),
        ("0", "1", "0", "-5", "no_equity"),
        ("2000", "900", "5000", "1000", "ok"),  # reductions pass over every limit
        ("-900", "0", "5000", "-1", "ok"),
        ("900", "900", "0", "1000", "ok"),
    ],
)
def test_verdicts(before, after, others, equity, code):
    verdict = judge(before, after, others, equity)
    assert verdict.code == code
    assert verdict.passed == (code == "ok")


def test_the_verdict_carries_its_numbers():
    verdict = judge("100", "300", "250")
    assert not verdict.reduction
    assert (verdict.order_notional, verdict.order_notional_limit) == (200, 700)
    assert (verdict.symbol_exposure, verdict.symbol_limit) == (300, 600)
    assert (verdict.gross_exposure, verdict.gross_limit) == (550, 1000)


@given(AMOUNTS, AMOUNTS, st.decimals(min_value=0, max_value=2000, places=2), AMOUNTS)
def test_what_passes_keeps_every_limit_or_reduces(before, after, others, equity):
    verdict = judge(before, after, others, equity)
    reduces = abs(after) <= abs(before) and before * after >= 0
    assert verdict.reduction == reduces
    if reduces:
        assert verdict.passed
    elif verdict.passed:
        assert abs(after) <= Decimal("0.6") * equity
        assert abs(after) + others <= equity
        assert abs(after - before) <= 700


def test_an_intent_of_a_finished_session_is_late_and_one_past_its_time_is_expired():
    monday, tuesday = dt.date(2018, 1, 8), dt.date(2018, 1, 9)
    expires = dt.datetime(2018, 1, 15, tzinfo=dt.UTC)
    before, moment = expires - dt.timedelta(microseconds=1), expires
    assert timeliness(session=monday, expires_at=expires, clock=monday, now=before) == "late"
    assert timeliness(session=tuesday, expires_at=expires, clock=monday, now=before) is None
    assert timeliness(session=monday, expires_at=expires, clock=None, now=before) is None
    assert timeliness(session=tuesday, expires_at=expires, clock=monday, now=moment) == "expired"


@pytest.mark.parametrize("digits", [4, 12])
def test_the_threads_decimal_context_changes_no_verdict(digits):
    expected = judge("-123456789.12", "-123456790.12", "98765432.1", "234567890.12345678")
    with decimal.localcontext(prec=digits):
        assert judge("-123456789.12", "-123456790.12", "98765432.1", "234567890.12345678") == expected
