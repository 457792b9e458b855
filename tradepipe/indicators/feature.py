"""What a configuration asks for: an indicator, the interval of its bars, and whether it is set against the others."""

import dataclasses
from collections.abc import Iterable

import polars as pl

from tradepipe.contracts import Column
from tradepipe.indicators.model import BoundIndicator, Output

CROSS_SECTIONS = {
    "cross_rank": ("percentile rank, 0 lowest and 1 highest, ties averaged", "fraction", 0.0, 1.0),
    "cross_zscore": ("distance from the mean in population standard deviations", "standard deviations", None, None),
}
"""How a value is set against those of the universe's other members: meaning, unit, range."""


@dataclasses.dataclass(frozen=True)
class Feature:
    """One entry of a market's `indicators`.

    Attributes:
        bound: the indicator with its parameters.
        interval: of the bars that it is computed from; None: the market's base bars.
        across: of CROSS_SECTIONS, if its values are set against those of the other members.
        exact: stored as Float64 whatever its outputs ask for.
    """

    bound: BoundIndicator
    interval: str | None = None
    across: str | None = None
    exact: bool = False

    @property
    def text(self) -> str:
        """The canonical way to write it; `parse_feature` reads it back."""
        timed = f"{self.bound.text}@{self.interval}" if self.interval else self.bound.text
        told = f"{self.across}({timed})" if self.across else timed
        return f"{told} as float64" if self.exact else told

    @property
    def label(self) -> str:
        """A name fit for a column: `cross_rank_rsi_14_1h`."""
        return self._named(self.bound.label)

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.bound.inputs

    @property
    def described(self) -> tuple[Output, ...]:
        """The outputs; warm-up lengths are in bars of the feature's own interval."""
        return tuple(self._described(output) for output in self.bound.described)

    @property
    def outputs(self) -> tuple[Column, ...]:
        """The outputs as columns of the indicators contract."""
        return tuple(output.column() for output in self.described)

    @property
    def warm_up(self) -> int:
        """Bars of the feature's own interval before every output has a value."""
        return self.bound.warm_up

    @property
    def lookback(self) -> int:
        """Bars of the feature's own interval after which the start of the series no longer matters."""
        return self.bound.lookback

    def _named(self, name: str) -> str:
        return "_".join(part for part in (self.across, name, self.interval) if part)

    def _described(self, output: Output) -> Output:
        described = dataclasses.replace(output, name=self._named(output.name))
        if self.interval:
            text = f"{output.description}, of the last {self.interval} bar that was closed and known"
            described = dataclasses.replace(described, description=text)
        if self.across:
            meaning, unit, minimum, maximum = CROSS_SECTIONS[self.across]
            described = dataclasses.replace(
                described,
                description=f"{meaning}, among the universe's members of the session: {described.description}",
                unit=unit,
                minimum=minimum,
                maximum=maximum,
                exclusive=False,
                precision=pl.Float32,
            )
        return dataclasses.replace(described, precision=pl.Float64) if self.exact else described


Wanted = BoundIndicator | Feature
"""A plain indicator is a feature of the base bars."""


def as_features(wanted: Iterable[Wanted]) -> tuple[Feature, ...]:
    """`wanted` with each plain indicator as a feature of the base bars."""
    return tuple(one if isinstance(one, Feature) else Feature(one) for one in wanted)
