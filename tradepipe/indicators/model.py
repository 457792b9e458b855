"""What an indicator is: its parameters, outputs, needs, kernel, readable specification and live recurrence.

An `Indicator` is declared once, in a module of `tradepipe.indicators.families`, and everything else is
read from it: the columns of the indicators layer, what a configuration may say, how much history a
partition needs, the documentation and the tests. A `BoundIndicator` is an indicator with the values
of its parameters, such as `bollinger(20, 2)`.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Protocol

import polars as pl

from tradepipe.contracts import Column
from tradepipe.indicators.errors import IndicatorError, IndicatorInputError, ParameterError

Value = int | float
Kernel = Callable[..., None]
"""Compiled function `kernel(offsets, *inputs, *parameters, *outputs)`; see `tradepipe.indicators.kernels`."""


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A number that shapes an indicator. A parameter of kind `int` refuses fractions."""

    name: str
    kind: type[int] | type[float]
    default: Value
    minimum: Value
    maximum: Value
    description: str

    @property
    def range(self) -> str:
        """What is accepted, for a person to read."""
        noun = "a whole number" if self.kind is int else "a number"
        return f"{noun} from {label_of(self.minimum)} to {label_of(self.maximum)}"

    def accept(self, value: object) -> Value:
        """`value` as this parameter's kind.

        Raises:
            ParameterError: when it is no number of that kind or lies outside the range.
        """
        if (
            not isinstance(value, int | float)
            or isinstance(value, bool)
            or not self.minimum <= value <= self.maximum
            or self.kind(value) != value
        ):
            raise ParameterError(f"{self.name} must be {self.range}, not {value}")
        return self.kind(value)


@dataclasses.dataclass(frozen=True)
class Output:
    """One column an indicator writes. `warm_up` counts the first bars of a series that have no value."""

    name: str
    description: str
    unit: str
    warm_up: int
    minimum: float | None = None
    maximum: float | None = None
    exclusive: bool = False

    def column(self) -> Column:
        """The output as a column of the indicators contract: null while warming up or undefined, never NaN."""
        return Column(
            self.name,
            pl.Float64,
            self.description,
            unit=self.unit,
            minimum=self.minimum,
            maximum=self.maximum,
            exclusive=self.exclusive,
            nullable=True,
        )


class Recurrence(Protocol):
    """One series, one bar at a time: a dataclass of plain numbers and lists, built from the parameters.

    `update` takes the bar's inputs in the indicator's order and returns its outputs in theirs, NaN
    where the kernel writes NaN. It is the kernel's arithmetic in the same order of operations.
    """

    @property
    def update(self) -> Callable[..., tuple[float, ...]]: ...


@dataclasses.dataclass(frozen=True)
class Indicator:
    """Everything the project knows about one indicator.

    The functions take the parameters by name. `outputs` takes the label first, for instance
    `outputs("sma_20", period=20)`, because most columns start with it.

    Attributes:
        name: what a configuration calls it.
        title: its name in the literature.
        description: what it measures and which conventions it follows (seeds, ties, 0/0).
        source: book or paper of the formula.
        inputs: columns of the bars that it reads, in the kernel's order.
        parameters: in the order a configuration gives them.
        outputs: the columns it writes.
        lookback: bars of history before a bar after which the start of the series no longer matters
            at working precision: exactly for windows, a seed weight below 1e-12 for recursions.
        kernel: loads the compiled kernel; numba is imported here and not before.
        specification: the readable definition, one polars expression an output over the rows of one
            series in time order. It may be slow; it must be obvious.
        recurrence: builds the live form of a series that has not started.
    """

    name: str
    title: str
    description: str
    source: str
    inputs: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    outputs: Callable[..., tuple[Output, ...]]
    lookback: Callable[..., int]
    kernel: Callable[[], Kernel]
    specification: Callable[..., tuple[pl.Expr, ...]]
    recurrence: Callable[..., Recurrence]

    @property
    def signature(self) -> str:
        """How a configuration writes it, with the defaults: `bollinger(period=20, width=2)`."""
        return f"{self.name}({', '.join(f'{p.name}={label_of(p.default)}' for p in self.parameters)})"

    def bind(self, *values: Value) -> "BoundIndicator":
        """The indicator with these parameters; those left out at the end take their defaults.

        Raises:
            ParameterError: too many values, or one outside its range.
        """
        if len(values) > len(self.parameters):
            takes = len(self.parameters) or "no"
            raise ParameterError(
                f"{self.name} takes {takes} parameter{'' if takes == 1 else 's'}, {len(values)} given; "
                f"it is written {self.signature}"
            )
        filled = (*values, *(p.default for p in self.parameters[len(values) :]))
        return BoundIndicator(self, tuple(p.accept(v) for p, v in zip(self.parameters, filled, strict=True)))

    def state(self, params: Mapping[str, Value]) -> "State":
        """A series that has not started, to be updated bar by bar. `params` as in `BoundIndicator.params`."""
        unknown = sorted(set(params) - {p.name for p in self.parameters})
        if unknown:
            raise ParameterError(f"{self.name} has no parameter {', '.join(unknown)}; it is written {self.signature}")
        return self.bind(*(params.get(p.name, p.default) for p in self.parameters)).state()


@dataclasses.dataclass(frozen=True)
class BoundIndicator:
    """An indicator with the values of its parameters. Compares and hashes by both."""

    indicator: Indicator
    values: tuple[Value, ...]

    @property
    def name(self) -> str:
        return self.indicator.name

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.indicator.inputs

    @property
    def params(self) -> dict[str, Value]:
        """Values by parameter name, in the declared order."""
        return {p.name: value for p, value in zip(self.indicator.parameters, self.values, strict=True)}

    @property
    def text(self) -> str:
        """The canonical way to write it, such as `bollinger(20, 2)` or `returns`; `parse_indicator` reads it back."""
        return f"{self.name}({', '.join(map(label_of, self.values))})" if self.values else self.name

    @property
    def label(self) -> str:
        """A name fit for a column: `bollinger_20_2`. A decimal point becomes `p`: `bollinger_20_2p5`."""
        return "_".join([self.name, *(label_of(value).replace(".", "p") for value in self.values)])

    @property
    def described(self) -> tuple[Output, ...]:
        """The outputs with their warm-up lengths."""
        return self.indicator.outputs(self.label, **self.params)

    @property
    def outputs(self) -> tuple[Column, ...]:
        """The outputs as columns of the indicators contract."""
        return tuple(output.column() for output in self.described)

    @property
    def warm_up(self) -> int:
        """Bars of a series before every output has a value."""
        return max(output.warm_up for output in self.described)

    @property
    def lookback(self) -> int:
        """Bars of history before a bar after which the start of the series no longer matters to its values."""
        return self.indicator.lookback(**self.params)

    def specification(self) -> dict[str, pl.Expr]:
        """The readable definition: column name to expression over one series in time order, null where undefined."""
        expressions = self.indicator.specification(**self.params)
        return {
            output.name: expression.fill_nan(None).alias(output.name)
            for output, expression in zip(self.described, expressions, strict=True)
        }

    def state(self) -> "State":
        """A series that has not started, to be updated bar by bar."""
        return State(self, self.indicator.recurrence(**self.params))

    def restore(self, saved: Mapping[str, Any]) -> "State":
        """The series that `State.save` saved.

        Raises:
            IndicatorError: when it was saved by another indicator, other parameters or another form of the recurrence.
        """
        if saved.get("indicator") != self.text:
            raise IndicatorError(
                f"the saved state is of {saved.get('indicator')!r}, not of {self.text!r}; restore it with its own "
                "indicator, or start anew and update it with at least the lookback's bars"
            )
        recurrence = self.indicator.recurrence(**self.params)
        _fill(recurrence, saved["recurrence"], self.text)
        return State(self, recurrence)


class State:
    """The live form of a bound indicator over one series. Feed it closed bars in time order."""

    def __init__(self, bound: BoundIndicator, recurrence: Recurrence) -> None:
        self.bound = bound
        self.recurrence = recurrence
        self._inputs = bound.inputs
        self._columns = tuple(output.name for output in bound.described)

    def update(self, bar: Mapping[str, Any]) -> dict[str, float | None]:
        """Values at the close of `bar`, by column; None while warming up or undefined.

        Args:
            bar: the indicator's inputs by name, such as a row of the bars; other keys are ignored.

        Raises:
            IndicatorInputError: an input is missing or not a finite number; the state has not changed.
        """
        values = []
        for name in self._inputs:
            value = bar.get(name)
            if value is None or not math.isfinite(value):
                raise IndicatorInputError(
                    f"{self.bound.text}: {name} is {value}; a state takes finite numbers only. Remedy: leave the bar "
                    "out, as the bars contract does."
                )
            values.append(float(value))
        results = self.recurrence.update(*values)
        return {
            column: None if math.isnan(result) else result
            for column, result in zip(self._columns, results, strict=True)
        }

    def save(self) -> dict[str, Any]:
        """The state as plain data that JSON can carry without loss; see `BoundIndicator.restore`."""
        return {"indicator": self.bound.text, "recurrence": dataclasses.asdict(self.recurrence)}  # type: ignore[call-overload]


def label_of(value: Value) -> str:
    """The shortest plain decimal of a number: 20 for 20.0, 2.5, 0.02; never an exponent."""
    return str(int(value)) if value == int(value) else format(Decimal(repr(value)), "f")


def _fill(target: Any, saved: Mapping[str, Any], text: str) -> None:
    """Set the fields of the dataclass `target`, and of dataclasses inside it, to what was saved."""
    names = {field.name for field in dataclasses.fields(target)}
    if names != set(saved):
        differing = ", ".join(sorted(names ^ set(saved)))
        raise IndicatorError(f"the saved state of {text} has another form (fields {differing}); start anew")
    for name in names:
        value = saved[name]
        if dataclasses.is_dataclass(getattr(target, name)):
            _fill(getattr(target, name), value, text)
        else:
            setattr(target, name, list(value) if isinstance(value, list | tuple) else value)
