"""Returns from one bar to the next."""

from dataclasses import dataclass
from math import log1p, nan

import polars as pl

from tradepipe.indicators.model import Indicator, Kernel, Output
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import log_return


def _outputs(_label: str) -> tuple[Output, ...]:
    return (
        Output(
            "simple_return",
            "close over the close before, minus 1",
            unit="fraction per bar",
            warm_up=1,
            minimum=-1,
            exclusive=True,
        ),
        Output("log_return", "natural logarithm of close over the close before", unit="log return per bar", warm_up=1),
    )


def _kernel() -> Kernel:
    from tradepipe.indicators.kernels import windows  # noqa: PLC0415 - numba

    return windows.returns


def _specification() -> tuple[pl.Expr, ...]:
    close = pl.col("close")
    return close.diff() / close.shift(1), log_return(close)


@dataclass
class _Returns:
    before: float | None = None

    def update(self, close: float) -> tuple[float, ...]:
        before, self.before = self.before, close
        if before is None:
            return nan, nan
        simple = (close - before) / before
        return simple, log1p(simple)


RETURNS = register(
    Indicator(
        name="returns",
        title="Returns",
        description="Return of the close over one bar, simple and logarithmic. Prices are as the bars give them: "
        "dividends and splits show unless the bars are adjusted.",
        source="Campbell, Lo & MacKinlay (1997), The Econometrics of Financial Markets, section 1.4",
        inputs=("close",),
        parameters=(),
        outputs=_outputs,
        lookback=lambda: 1,
        kernel=_kernel,
        specification=_specification,
        recurrence=_Returns,
    )
)
