"""What an indicator is: its parameters, outputs, needs, kernel and readable specification.

An `Indicator` is declared once, in a module of `tradepipe.indicators.families`, and everything else is
read from it: the columns of the indicators layer, what a configuration may say, how much history a
partition needs, its live form, the documentation and the tests. A `BoundIndicator` is an indicator with the values
of its parameters, such as `bollinger(20, 2)`.
"""

import dataclasses
from collections.abc import Callable
from decimal import Decimal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradepipe.compiling import Compiled
from tradepipe.contracts import Column
from tradepipe.indicators.errors import ParameterError

Value = int | float
Series = NDArray[np.int64]
"""Where each series lies, [series, 5]: columns FIRST, FRESH, STOP, SEEN, SLOT of `tradepipe.indicators.kernels`."""
Memory = NDArray[np.float64]
"""What each series carries from bar to bar, [slots, size]; see `tradepipe.indicators.kernels`."""


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
    """One column an indicator writes.

    Attributes:
        warm_up: how many of the first bars of a series have no value.
        precision: how the layer stores it. Half the bytes do for most; what adds up over years, or is
            used to rebuild prices, asks for Float64. Kernels always compute in float64.
    """

    name: str
    description: str
    unit: str
    warm_up: int
    minimum: float | None = None
    maximum: float | None = None
    exclusive: bool = False
    precision: type[pl.Float32] | type[pl.Float64] = pl.Float32

    def column(self) -> Column:
        """The output as a column of the indicators contract: null while warming up or undefined, never NaN."""
        return Column(
            self.name,
            self.precision,
            self.description,
            unit=self.unit,
            minimum=self.minimum,
            maximum=self.maximum,
            exclusive=self.exclusive,
            nullable=True,
        )


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
        kernel: the compiled definition, batch and live; see `tradepipe.indicators.kernels` for how it is called.
        specification: the readable definition, one polars expression an output over the rows of one
            series in time order. It may be slow; it must be obvious.
        context: bars before a bar that the kernel reads again to compute it; none for pure recursions.
        memory: how many numbers the kernel carries from bar to bar; none for pure windows.
        differences: where TA-Lib's function of the same name follows another convention, and which; empty
            when they agree, or when it has none.
        refuses: what is wrong with parameters that are fine each but not together, and the remedy; empty when
            nothing is.
        path_dependent: it takes decisions that later ones build on, so no number of bars is enough on every series
            for two starts to agree. `lookback` is then what was enough on real bars, with room to spare.
    """

    name: str
    title: str
    description: str
    source: str
    inputs: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    outputs: Callable[..., tuple[Output, ...]]
    lookback: Callable[..., int]
    kernel: Compiled
    specification: Callable[..., tuple[pl.Expr, ...]]
    context: Callable[..., int] = lambda **_: 0
    memory: Callable[..., int] = lambda **_: 0
    differences: str = ""
    refuses: Callable[..., str] = lambda **_: ""
    path_dependent: bool = False

    @property
    def signature(self) -> str:
        """How a configuration writes it, with the defaults: `bollinger(period=20, width=2)`."""
        return f"{self.name}({', '.join(f'{p.name}={label_of(p.default)}' for p in self.parameters)})"

    def bind(self, *values: Value) -> "BoundIndicator":
        """The indicator with these parameters; those left out at the end take their defaults.

        Raises:
            ParameterError: too many values, one outside its range, or values that do not go together.
        """
        if len(values) > len(self.parameters):
            takes = len(self.parameters) or "no"
            raise ParameterError(
                f"{self.name} takes {takes} parameter{'' if takes == 1 else 's'}, {len(values)} given; "
                f"it is written {self.signature}"
            )
        filled = (*values, *(p.default for p in self.parameters[len(values) :]))
        bound = BoundIndicator(self, tuple(p.accept(v) for p, v in zip(self.parameters, filled, strict=True)))
        if refusal := self.refuses(**bound.params):
            raise ParameterError(refusal)
        return bound


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

    @property
    def context(self) -> int:
        """Bars before a bar that the kernel reads again to compute it."""
        return self.indicator.context(**self.params)

    @property
    def memory(self) -> int:
        """How many numbers the kernel carries from bar to bar."""
        return self.indicator.memory(**self.params)

    def run(
        self, series: Series, memory: Memory, inputs: tuple[NDArray[np.float64], ...], rows: int
    ) -> tuple[NDArray[np.float64], ...]:
        """New arrays of `rows` rows with the outputs of the series that `series` describes; `memory` is updated."""
        outputs = tuple(np.empty(rows) for _ in self.described)
        self.indicator.kernel(series, memory, *inputs, *self.values, *outputs)
        return outputs


def label_of(value: Value) -> str:
    """The shortest plain decimal of a number: 20 for 20.0, 2.5, 0.02; never an exponent."""
    return str(int(value)) if value == int(value) else format(Decimal(repr(value)), "f")
