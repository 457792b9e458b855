"""One test a rule: a frame that keeps the contract passes, and each single breach is found by name."""

import datetime as dt
import itertools
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepipe import contracts
from tradepipe.contracts import Column, Contract, ContractError, validate
from tradepipe.contracts.model import KEY_NOT_INCREASING, REASON

UTC = dt.UTC
OPEN, CLOSE = dt.datetime(2018, 12, 31, 14, 30, tzinfo=UTC), dt.datetime(2018, 12, 31, 21, tzinfo=UTC)
SESSION, NEXT = dt.date(2018, 12, 31), dt.date(2019, 1, 2)
NEXT_OPEN = dt.datetime(2019, 1, 2, 14, 30, tzinfo=UTC)
ORDER_ID = "tp" + "a" * 26

INDICATORS = contracts.indicators_contract(
    [Column("rsi_14", pl.Float64, "relative strength", minimum=0, maximum=100, nullable=True)]
)

GOOD = {
    contracts.RAW_BARS: {
        "symbol": "SPX", "interval": "1d", "session": SESSION, "open_time": OPEN, "open": 1.0, "high": 2.0,
        "low": 0.5, "close": 1.5, "volume": 10.0, "known_at": CLOSE, "file": "a.csv", "line": 2, "file_sha256": "00",
    },
    contracts.BARS: {
        "symbol": "SPX", "interval": "1d", "session": SESSION, "open_time": OPEN, "close_time": CLOSE, "open": 1.0,
        "high": 2.0, "low": 0.5, "close": 1.5, "volume": 10.0, "quality": "ok", "known_at": CLOSE,
    },
    contracts.BARS_HISTORY: {
        "symbol": "SPX", "interval": "1d", "session": SESSION, "open_time": OPEN, "close_time": CLOSE, "open": 1.0,
        "high": 2.0, "low": 0.5, "close": 1.5, "volume": 10.0, "quality": "ok", "known_at": CLOSE,
        "superseded_at": CLOSE + dt.timedelta(days=1),
    },
    contracts.GAPS: {
        "symbol": "SPX", "session": SESSION, "first_open_time": OPEN, "last_close_time": CLOSE, "bars": 1,
        "reason": "unknown", "detail": None,
    },
    contracts.UNREAD_BARS: {
        "symbol": "SPX", "session": SESSION, "open_time": OPEN, "file": "a.csv", "line": 3, "reason": "value_missing",
    },
    INDICATORS: {
        "symbol": "SPX", "session": SESSION, "open_time": OPEN, "close_time": CLOSE, "known_at": CLOSE, "rsi_14": 50.0,
    },
    contracts.FORECASTS: {
        "symbol": "SPX", "session": SESSION, "open_time": OPEN, "known_at": CLOSE, "model": "arma_garch", "horizon": 1,
        "target_open_time": NEXT_OPEN, "target_session": NEXT, "origin_price": 100.0, "mean_return": 0.001,
        "volatility": 0.01, "freedom": 5.0, "price": 100.1, "price_lower_80": 99.0, "price_upper_80": 101.0,
        "price_lower_90": 98.5, "price_upper_90": 101.5, "price_lower_95": 98.0, "price_upper_95": 102.0,
        "interval": "conformal", "weight": 0.5, "fitted_through": SESSION, "engine": "reference", "fallback": None,
    },
    contracts.REGIMES: {
        "symbol": "SPX", "session": SESSION, "open_time": OPEN, "known_at": CLOSE, "volatility": 0.01, "trend": 0.75,
        "volatility_state": "calm", "trend_state": "up", "regime": "calm up",
    },
    contracts.FORECAST_SCORES: {
        "symbol": "SPX", "target_open_time": NEXT_OPEN, "target_session": NEXT, "model": "arma_garch", "horizon": 1,
        "session": SESSION, "open_time": OPEN, "fitted_from": SESSION, "fitted_through": SESSION,
        "realised_return": 0.01, "squared_error": 0.000081, "absolute_error": 0.009, "scale": 0.008, "sape": 0.009,
        "log_score": 3.1, "crps": 0.004, "qlike": 0.1, "direction_hit": True, "inside_80": False, "inside_90": True,
        "inside_95": True, "is_fallback": False, "weight": 0.5, "target_weight": 0.25, "strategy_return": 0.0025,
    },
    contracts.EVALUATIONS: {
        "symbol": "SPX", "model": "arma_garch", "horizon": 1, "regime": "calm up", "sector": "unknown",
        "train_first_session": SESSION, "train_last_session": SESSION, "test_first_session": SESSION,
        "test_last_session": NEXT, "forecasts": 2, "fallbacks": 0, "squared_error": 0.0001,
        "walk_squared_error": 0.0001, "absolute_error": 0.01, "scaled_error": 1.5, "scaled": 2, "sape": 0.01,
        "log_score": 6.2, "crps": 0.01, "qlike": 1.0, "directions": 2, "hits": 1, "inside_80": 1, "inside_90": 2,
        "inside_95": 2, "weighted": 2, "weight": 1.0, "decisions": 2, "positions": 1, "wins": 1,
        "strategy_return": 0.001, "strategy_return_squared": 0.000001,
    },
    contracts.EVALUATION_ORIGINS: {
        "model": "arma_garch", "made_in": "2018-12", "horizon": 1, "regime": "calm up", "test_first_session": NEXT,
        "forecasts": 2, "fallbacks": 0, "squared_error": 0.0001, "walk_squared_error": 0.0001, "absolute_error": 0.01,
        "scaled_error": 1.5, "scaled": 2, "sape": 0.01, "log_score": 6.2, "crps": 0.01, "qlike": 1.0, "directions": 2,
        "hits": 1, "inside_80": 1, "inside_90": 2, "inside_95": 2, "weighted": 2, "weight": 1.0, "decisions": 2,
        "positions": 1, "wins": 1, "strategy_return": 0.001, "strategy_return_squared": 0.000001,
    },
    contracts.EVALUATION_LOSSES: {
        "target_open_time": NEXT_OPEN, "target_session": NEXT, "model": "arma_garch", "horizon": 1, "sector": "unknown",
        "regime": "calm up", "loss_difference": -0.0001, "forecasts": 2,
    },
    contracts.SIGNALS: {
        "symbol": "SPX", "session": SESSION, "decided_at": CLOSE, "strategy": "s", "horizon": 5, "model": "arma_garch",
        "score": 0.1, "target_weight": 0.2, "edge_bps": 12.0, "volatility_bps": 200.0, "reference_price": 100.0,
        "expires_at": CLOSE + dt.timedelta(days=5), "known_at": CLOSE,
    },
    contracts.ORDERS: {
        "symbol": "SPX", "session": SESSION, "decided_at": CLOSE, "strategy": "s", "client_order_id": ORDER_ID,
        "state": "FILLED", "reason": None, "side": "buy", "quantity": Decimal(3), "reference_price": Decimal(100),
        "target_weight": 0.2, "edge_bps": 12.0, "cost_bps": 4.0, "conflict": False, "signal_sha256": "00",
    },
    contracts.FILLS: {
        "symbol": "SPX", "session": NEXT, "filled_at": OPEN, "fill_id": "f1", "client_order_id": ORDER_ID,
        "side": "buy", "quantity": Decimal(3), "price": Decimal("100.01"), "fee": Decimal("0.03"),
        "slippage": Decimal("0.03"),
    },
    contracts.POSITIONS: {
        "symbol": "SPX", "session": SESSION, "quantity": Decimal(3), "mark_price": Decimal(100),
        "exposure": Decimal(300), "average_price": Decimal(99), "realised_pnl": Decimal(0),
        "unrealised_pnl": Decimal(3), "fees": Decimal(0), "cash": Decimal(700), "equity": Decimal(1000),
    },
    contracts.QUARANTINE: {
        "layer": "bars", "partition": "2018-12", "file": "a.csv", "line": 3, "symbol": "SPX",
        "reason": "high_below_low", "detail": None, "row": "{}",
    },
}  # fmt: skip

# Rules that need more than one value out of its column's own range.
BREACHES = {
    "price_not_positive": {"low": 0.0},
    "superseded_before_known": {"superseded_at": CLOSE - dt.timedelta(seconds=1)},
    "gap_not_in_time": {"last_close_time": OPEN},
    "bars_of_the_calendar": {"symbol": "*"},
    "high_below_low": {"high": 0.4},
    "high_below_open_or_close": {"high": 1.2},
    "low_above_open_or_close": {"low": 1.2},
    "bar_not_in_time": {"close_time": OPEN - dt.timedelta(hours=1)},
    "known_before_close": {"known_at": CLOSE - dt.timedelta(seconds=1)},
    **{f"interval_{level}_crossed": {f"price_lower_{level}": 103.0} for level in (80, 90, 95)},
    "target_not_ahead": {"target_open_time": OPEN},
    "trained_on_target": {"fitted_through": NEXT},
    "trained_on_test": {"train_last_session": NEXT},
    "fitted_on_future": {"fitted_through": NEXT},
    "uses_the_future": {"known_at": CLOSE + dt.timedelta(seconds=1)},
    "expired_at_birth": {"expires_at": CLOSE},
    "order_id_malformed": {"client_order_id": "tp-1"},
}


def frame_of(contract: Contract, *rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=contract.polars_schema, orient="row")


def breach_of(contract: Contract, code: str) -> dict[str, object]:
    if code in BREACHES:
        return BREACHES[code]
    named = [column for column in contract.columns if code.startswith(f"{column.name}_")]
    column = max(named, key=lambda column: len(column.name))
    kind = code.removeprefix(f"{column.name}_")
    outside = {"missing": None, "not_finite": float("inf"), "unknown": "nonsense"}
    if kind in outside:
        return {column.name: outside[kind]}
    low = column.minimum if column.exclusive else (column.minimum or 0) - 1
    value = low if column.minimum is not None else column.maximum + 1
    return {
        column.name: Decimal(str(value))
        if column.dtype == contracts.MONEY
        else type(GOOD[contract][column.name])(value)
    }


RULES = [
    pytest.param(contract, rule.code, id=f"{contract.name}-{rule.code}")
    for contract in GOOD
    for rule in contract.all_rules()
]


@pytest.mark.parametrize("contract", GOOD, ids=lambda contract: contract.name)
def test_a_good_frame_passes_and_comes_back_unchanged(contract):
    frame = frame_of(contract, GOOD[contract])
    assert validate(frame, contract, market="m", layer=contract.name, partition="p") is frame


SPLIT = [contract for contract in GOOD if REASON not in contract.column_names]


@pytest.mark.parametrize("contract", SPLIT, ids=lambda contract: contract.name)
def test_splitting_a_good_frame_keeps_all_of_it(contract):
    frame = frame_of(contract, GOOD[contract])
    good, refused = contract.split(frame)
    assert good.equals(frame)
    assert refused.is_empty()


def test_a_contract_with_a_reason_of_its_own_is_not_split():
    with pytest.raises(ValueError, match="column 'reason'"):
        contracts.ORDERS.split(contracts.ORDERS.empty())


@pytest.mark.slow
@pytest.mark.parametrize(("contract", "code"), RULES)
def test_each_rule_refuses_its_breach_by_name(contract, code):
    frame = frame_of(contract, {**GOOD[contract], **breach_of(contract, code)})
    with pytest.raises(ContractError) as caught:
        validate(frame, contract, market="m", layer=contract.name, partition="2018-12")
    assert code in {breach.rule for breach in caught.value.breaches}
    assert f"m/{contract.name} partition 2018-12" in str(caught.value)
    if contract in SPLIT:
        kept, refused = contract.split(frame)
        assert kept.is_empty()
        assert refused[REASON].len() == 1


@pytest.mark.slow
@pytest.mark.parametrize("contract", GOOD, ids=lambda contract: contract.name)
def test_a_repeated_key_is_refused(contract):
    frame = frame_of(contract, GOOD[contract], GOOD[contract])
    with pytest.raises(ContractError, match=KEY_NOT_INCREASING):
        validate(frame, contract, market="m", layer=contract.name, partition="p")


@pytest.mark.slow
@pytest.mark.parametrize("contract", GOOD, ids=lambda contract: contract.name)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(frame.columns[-1]), "is missing"),
        (lambda frame: frame.with_columns(extra=1), "is not in the contract"),
        (
            lambda frame: frame.with_columns(pl.lit(1, pl.Int8).alias(frame.columns[0])),
            "is Int8, expected (String|Datetime)",
        ),
        (lambda frame: frame.select(reversed(frame.columns)), "another order"),
    ],
    ids=["missing column", "extra column", "wrong type", "wrong order"],
)
def test_the_schema_is_exact(contract, change, message):
    with pytest.raises(ContractError, match=message):
        validate(change(frame_of(contract, GOOD[contract])), contract, market="m", layer="l", partition="p")


def test_the_message_names_market_partition_rule_count_and_three_rows():
    bad = {**GOOD[contracts.BARS], "high": 0.1}
    rows = [{**bad, "open_time": OPEN + dt.timedelta(days=n), "close_time": CLOSE + dt.timedelta(days=n),
             "known_at": CLOSE + dt.timedelta(days=n)} for n in range(5)]  # fmt: skip
    with pytest.raises(ContractError) as caught:
        validate(frame_of(contracts.BARS, *rows), contracts.BARS, market="us", layer="bars", partition="2018-12")
    text = str(caught.value)
    assert text.startswith("us/bars partition 2018-12: contract broken, nothing was published.")
    assert "rule high_below_low: 5 rows\n" in text
    found = next(breach for breach in caught.value.breaches if breach.rule == "high_below_low")
    assert len(found.examples) == 3
    assert found.examples[0] == f"symbol=SPX, open_time={OPEN}, high=0.1, low=0.5"
    assert "Remedy:" in text


def test_a_lazy_frame_is_refused_because_its_values_would_not_be_checked():
    with pytest.raises(TypeError, match="collect"):
        validate(frame_of(contracts.BARS).lazy(), contracts.BARS, market="m", layer="bars", partition="p")


def test_an_empty_frame_keeps_every_contract():
    for contract in GOOD:
        validate(contract.empty(), contract, market="m", layer=contract.name, partition="p")


def test_every_column_says_what_it_means_and_prices_say_their_unit():
    for contract in GOOD:
        for column in contract.columns:
            assert column.description, f"{contract.name}.{column.name}"
            if column.dtype in (contracts.UTC, contracts.MONEY):
                assert column.unit, f"{contract.name}.{column.name} has no unit"


KEYS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=8)


@pytest.mark.slow
@given(KEYS)
def test_the_key_check_is_sorted_and_unique(keys):
    contract = Contract("t", "1", "", ("a", "b"), (Column("a", pl.String, "a"), Column("b", pl.Int64, "b")))
    frame = pl.DataFrame(keys, schema=contract.polars_schema, orient="row")
    increasing = all(left < right for left, right in itertools.pairwise(keys))
    if increasing:
        validate(frame, contract, market="m", layer="t", partition="p")
    else:
        with pytest.raises(ContractError, match=KEY_NOT_INCREASING):
            validate(frame, contract, market="m", layer="t", partition="p")


@pytest.mark.slow
@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)), max_size=20))
def test_split_keeps_exactly_what_validate_accepts_and_loses_nothing(values):
    contract = Contract(
        "t", "1", "", ("n",), (Column("n", pl.Int64, "n"), Column("x", pl.Float64, "x", minimum=0, maximum=1))
    )
    frame = pl.DataFrame({"n": range(len(values)), "x": values}, schema=contract.polars_schema)
    kept, refused = contract.split(frame)
    assert kept.height + refused.height == frame.height
    validate(kept, contract, market="m", layer="t", partition="p")
    assert refused[REASON].null_count() == 0
    for row in refused.drop(REASON).iter_slices(1):
        with pytest.raises(ContractError):
            validate(row, contract, market="m", layer="t", partition="p")
