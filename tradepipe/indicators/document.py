"""The page on the indicators, as text made of the registry; `tradepipe.reporting.indicator_document` adds the plots."""

from collections.abc import Iterable, Iterator, Sequence

import polars as pl

from tradepipe.indicators.inputs import OUTSIDE_INPUTS
from tradepipe.indicators.model import Indicator, Output, Parameter, label_of
from tradepipe.indicators.registry import families, family_of, indicators

PAGE = "indicators.md"
IMAGES = "indicators"
"""Folder of the plots, beside the page."""

_HEAD = """# Indicators

Written by `tradepipe indicators document` from the registry and real prices; change the indicator's module, not
this page.

A market's configuration lists what it wants: `indicators: [rsi(14), bollinger(20, 2)]`. Parameters come in the
order of the tables below, and those left out at the end take their defaults. `rsi(14)@1h` is of a longer interval
of the market, as of its last closed bar; `cross_rank(rsi(14))` and `cross_zscore(rsi(14))` compare the members of
the universe; `rsi(14) as float64` asks for all digits.

- **Warm-up**: how many of the first bars of a series have no value. Null there, and where a value is undefined;
  never NaN, never infinite.
- **Lookback**: how many bars before a bar matter to its value. Each partition reads that many from before its first.
- **Stored**: kernels compute in float64. The layer keeps most values as float32, seven digits (decision 0011).
- **Live**: `Live(wanted, symbols).update(bars)` says the same bar by bar, with all digits; with `stored=True` it
  rounds as the layer does, so that what is decided on either is the same.
- **Differences from TA-Lib**: of conventions only. Where TA-Lib has the indicator, tests hold ours to it at 1e-9
  relative, the named differences applied.
"""


def page() -> str:
    """The whole page, ending with a line feed."""
    by_family = {family: list(members) for family, members in _by_family()}
    parts = [_HEAD, "\n## Contents\n", *(_contents(family, members) for family, members in by_family.items())]
    for family, members in by_family.items():
        parts.append(f"\n## {families()[family]}\n")
        parts += [_section(indicator) for indicator in members]
    return "".join(parts)


def image_of(indicator: Indicator) -> str:
    """Where the indicator's plot is, relative to the page."""
    return f"{IMAGES}/{indicator.name}.png"


def caption_of(indicator: Indicator) -> str:
    """What the plot shows."""
    needed = [name for name in indicator.inputs if name in OUTSIDE_INPUTS]
    if needed == ["benchmark"]:
        return "S&P 500, daily, the last 250 sessions of 2018; the benchmark is the NASDAQ Composite."
    if "open_interest" in needed:
        return (
            "No series of open interest that may be shown comes with the project, so there is no plot of real values."
        )
    if needed:
        return (
            "Bitcoin perpetual of Binance, bars of 8 hours, the last 250 of real market data. That data is no "
            "part of the project: where it is absent, `tradepipe indicators document` leaves this plot as it is."
        )
    if family_of(indicator) == "patterns":
        return "S&P 500, daily: sessions around the last time that it was found from 1999 to 2018, if it was."
    if "session" in indicator.inputs:
        return "S&P 500, daily, the last 250 sessions of 2018: one bar a session. Within a day it adds bar to bar."
    return "S&P 500, daily, the last 250 sessions of 2018."


def _by_family() -> Iterator[tuple[str, Iterable[Indicator]]]:
    everything = indicators().values()
    for family in families():
        members = [one for one in everything if family_of(one) == family]
        if members:
            yield family, members


def _contents(family: str, members: Sequence[Indicator]) -> str:
    links = ", ".join(f"[{one.name}](#{one.name})" for one in members)
    return f"- **{families()[family]}**: {links}\n"


def _section(indicator: Indicator) -> str:
    bound = indicator.bind()
    lookback = f"{bound.lookback:,} bars at the defaults" if bound.lookback else "none"
    if indicator.path_dependent:
        lookback += "; depends on the path, so this is what was enough on real bars, with room to spare"
    lines = [
        f"\n### {indicator.name}\n",
        f"{indicator.title}, configured as `{bound.text}`. {_escaped(indicator.description)}\n",
        f"- Reads: {_inputs(indicator)}",
        f"- Lookback: {lookback}",
        f"- Source: {_escaped(indicator.source)}",
    ]
    if indicator.differences:
        lines.append(f"- Differences from TA-Lib: {_escaped(indicator.differences)}")
    if indicator.parameters:
        lines += ["", *_table(("parameter", "default", "accepts", "meaning"), map(_parameter, indicator.parameters))]
    head = ("column", "unit", "range", "warm-up", "stored", "meaning")
    lines += ["", *_table(head, map(_output, bound.described))]
    caption = caption_of(indicator)
    lines += ["", f"![{indicator.title}. {caption}]({image_of(indicator)})", "", f"*{caption}*", ""]
    return "\n".join(lines)


def _inputs(indicator: Indicator) -> str:
    told = (f"{name} ({OUTSIDE_INPUTS[name]})" if name in OUTSIDE_INPUTS else name for name in indicator.inputs)
    return ", ".join(told)


def _parameter(parameter: Parameter) -> tuple[str, ...]:
    return f"`{parameter.name}`", label_of(parameter.default), parameter.range, parameter.description


def _output(output: Output) -> tuple[str, ...]:
    stored = "float32" if output.precision == pl.Float32 else "float64"
    return (
        f"`{output.name}`",
        output.unit,
        output.column().range or "any",
        str(output.warm_up),
        stored,
        output.description,
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for cells in (head, ["---"] * len(head), *rows):
        # A bar inside a cell, as in |high - low|, would end it.
        yield f"| {' | '.join(_escaped(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def _escaped(text: str) -> str:
    """Stars that mean times, not emphasis; what is between backticks stays."""
    parts = text.split("`")
    return "`".join(part if place % 2 else part.replace("*", r"\*") for place, part in enumerate(parts))
