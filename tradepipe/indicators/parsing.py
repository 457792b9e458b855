"""Indicators as a configuration writes them: `returns`, `rsi(14)`, `bollinger(20, 2)`."""

import re
from collections.abc import Iterable, Sequence

from tradepipe.contracts import Contract, indicators_contract
from tradepipe.contracts.features import INDICATOR_KEY_COLUMNS
from tradepipe.indicators.errors import DuplicateIndicatorError, IndicatorError, IndicatorSyntaxError
from tradepipe.indicators.model import BoundIndicator, Value
from tradepipe.indicators.registry import indicator_named

_FORM = re.compile(r"\s*(?P<name>[a-z][a-z0-9_]*)\s*(?:\((?P<arguments>[^()]*)\)\s*)?")
_WHOLE = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def parse_indicator(text: str) -> BoundIndicator:
    """The indicator that `text` names, with its parameters; those left out at the end take their defaults.

    Raises:
        IndicatorSyntaxError: the text is not of the form `name` or `name(number, …)`.
        UnknownIndicatorError: no indicator has that name; the message suggests the nearest.
        ParameterError: too many parameters, or one outside its range.
        Each message starts with the text.
    """
    try:
        form = _FORM.fullmatch(text)
        if form is None:
            raise IndicatorSyntaxError("expected name or name(number, ...), such as returns or bollinger(20, 2)")
        indicator = indicator_named(form["name"])
        return indicator.bind(*_numbers(form["arguments"]))
    except IndicatorError as error:
        raise type(error)(f"indicator {text!r}: {error}") from None


def parse_indicators(texts: Iterable[str]) -> tuple[BoundIndicator, ...]:
    """The indicators of a configuration, in its order.

    Raises:
        IndicatorError: as `parse_indicator`, for the first text that is wrong.
        DuplicateIndicatorError: two texts would write the same column, or one would write a column of the bar's key.
    """
    owners = {column.name: "the key of the bar" for column in INDICATOR_KEY_COLUMNS}
    bound = []
    for text in texts:
        one = parse_indicator(text)
        for output in one.described:
            if output.name in owners:
                raise DuplicateIndicatorError(
                    f"indicator {text!r}: the column {output.name} is already written by {owners[output.name]}; "
                    "remove one of them"
                )
            owners[output.name] = repr(text)
        bound.append(one)
    return tuple(bound)


def contract_for(bound: Sequence[BoundIndicator]) -> Contract:
    """The contract of an indicators layer that holds the outputs of `bound`, in their order."""
    return indicators_contract([column for one in bound for column in one.outputs])


def lookback_of(bound: Iterable[BoundIndicator]) -> int:
    """Bars of history that a partition needs before its first bar so that no value depends on the start."""
    return max((one.lookback for one in bound), default=0)


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
