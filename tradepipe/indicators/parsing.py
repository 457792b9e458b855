"""Indicators as a configuration writes them: `rsi(14)`, `rsi(14)@1h`, `cross_rank(rsi(14))`, `sma(20) as float64`."""

import re
from collections.abc import Iterable, Sequence

from tradepipe.contracts import Contract, indicators_contract
from tradepipe.contracts.features import INDICATOR_KEY_COLUMNS
from tradepipe.indicators.errors import DuplicateIndicatorError, IndicatorError, IndicatorSyntaxError
from tradepipe.indicators.feature import CROSS_SECTIONS, Feature, Wanted, as_features
from tradepipe.indicators.model import BoundIndicator, Value
from tradepipe.indicators.registry import indicator_named

_FORM = re.compile(r"\s*(?P<name>[a-z][a-z0-9_]*)\s*(?:\((?P<arguments>[^()]*)\)\s*)?")
_WHOLE = re.compile(r"[+-]?\d{1,300}")  # more digits are no parameter, and some are more than `int` reads
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_ACROSS = re.compile(rf"\s*(?P<across>{'|'.join(CROSS_SECTIONS)})\b\s*(?P<rest>.*)", re.DOTALL)
_TIMED = re.compile(r"(?P<indicator>[^@]*?)\s*(?:@\s*(?P<interval>[0-9a-z]+)\s*)?")
_EXACT = re.compile(r"(?P<rest>.*[^\s])\s+as\s+(?P<precision>\w+)\s*", re.DOTALL)


def parse_indicator(text: str) -> BoundIndicator:
    """The indicator that `text` names, with its parameters; those left out at the end take their defaults.

    Raises:
        IndicatorSyntaxError: the text is not of the form `name` or `name(number, …)`.
        UnknownIndicatorError: no indicator has that name; the message suggests the nearest.
        ParameterError: too many parameters, or one outside its range.
        Each message starts with the text.
    """
    try:
        return _bound(text)
    except IndicatorError as error:
        raise type(error)(f"indicator {text!r}: {error}") from None


def parse_feature(text: str) -> Feature:
    """What `text` asks for: an indicator, `@` a longer interval, within `cross_rank()`, ` as float64`.

    Whether the market has that interval is not looked at; see `features_of`.

    Raises:
        IndicatorError: as `parse_indicator`.
    """
    try:
        exact = _EXACT.fullmatch(text)
        if exact and exact["precision"] != "float64":
            raise IndicatorSyntaxError(
                f"'as {exact['precision']}' is not known. Remedy: write 'as float64', or nothing for float32"
            )
        rest = exact["rest"] if exact else text
        across = _ACROSS.fullmatch(rest)
        inner = _inside(across["across"], across["rest"]) if across else rest
        timed = _TIMED.fullmatch(inner)
        if timed is None:
            raise IndicatorSyntaxError("expected one interval after one @, such as rsi(14)@1h")
        return Feature(
            _bound(timed["indicator"]), timed["interval"], across["across"] if across else None, exact is not None
        )
    except IndicatorError as error:
        raise type(error)(f"indicator {text!r}: {error}") from None


def parse_indicators(texts: Iterable[str]) -> tuple[BoundIndicator, ...]:
    """Plain indicators, in their order.

    Raises:
        IndicatorError: as `parse_indicator`, for the first text that is wrong.
        DuplicateIndicatorError: two texts would write the same column, or one would write a column of the bar's key.
    """
    given = list(texts)
    bound = tuple(parse_indicator(text) for text in given)
    _refuse_duplicates(given, bound)
    return bound


def parse_features(texts: Iterable[str]) -> tuple[Feature, ...]:
    """What a configuration asks for, in its order.

    Raises:
        IndicatorError: as `parse_feature`, for the first text that is wrong.
        DuplicateIndicatorError: two texts would write the same column, or one would write a column of the bar's key.
    """
    given = list(texts)
    features = tuple(parse_feature(text) for text in given)
    _refuse_duplicates(given, features)
    return features


def contract_for(wanted: Iterable[Wanted]) -> Contract:
    """The contract of an indicators layer that holds the outputs of `wanted`, in their order."""
    return indicators_contract([column for one in wanted for column in one.outputs])


def lookback_of(wanted: Iterable[Wanted], interval: str | None = None) -> int:
    """Bars of history that a partition needs before its first bar so that no value depends on the start.

    Bars of `interval`, for what is computed from these; None: of the base bars.
    """
    return max((one.lookback for one in as_features(wanted) if one.interval == interval), default=0)


def _bound(text: str) -> BoundIndicator:
    form = _FORM.fullmatch(text)
    if form is None:
        raise IndicatorSyntaxError("expected name or name(number, ...), such as returns or bollinger(20, 2)")
    return indicator_named(form["name"]).bind(*_numbers(form["arguments"]))


def _inside(across: str, rest: str) -> str:
    """The text between the brackets of `across`, of which `rest` is what follows the name."""
    example = f"{across}(rsi(14))"
    if not rest.startswith("("):
        raise IndicatorSyntaxError(f"{across} takes an indicator; write e.g. {example}")
    inner, bracket, behind = rest[1:].rpartition(")")
    if not bracket or inner.count("(") != inner.count(")"):
        raise IndicatorSyntaxError(f"the bracket of {across} is not closed; write e.g. {example}")
    if behind.strip().startswith("@"):
        raise IndicatorSyntaxError(f"the interval stands inside: {across}({inner.strip()}{behind.strip()})")
    if behind.strip():
        raise IndicatorSyntaxError(f"nothing may follow {across}(...) but 'as float64', found {behind.strip()!r}")
    if nested := _ACROSS.fullmatch(inner):
        raise IndicatorSyntaxError(
            f"{across} takes an indicator, not {nested['across']}; write {example}, and {nested['across']} beside it"
        )
    return inner


def _refuse_duplicates(texts: Sequence[str], wanted: Sequence[Wanted]) -> None:
    owners = {column.name: "the key of the bar" for column in INDICATOR_KEY_COLUMNS}
    for text, one in zip(texts, wanted, strict=True):
        for output in one.described:
            if output.name in owners:
                raise DuplicateIndicatorError(
                    f"indicator {text!r}: the column {output.name} is already written by {owners[output.name]}; "
                    "remove one of them"
                )
            owners[output.name] = repr(text)


def _numbers(arguments: str | None) -> list[Value]:
    if arguments is None or not arguments.strip():
        return []
    numbers: list[Value] = []
    for part in (argument.strip() for argument in arguments.split(",")):
        if _WHOLE.fullmatch(part):
            numbers.append(int(part))
        elif _NUMBER.fullmatch(part):
            numbers.append(float(part))
        else:
            raise IndicatorSyntaxError(f"{part!r} is not a number")
    return numbers
