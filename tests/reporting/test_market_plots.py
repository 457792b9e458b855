import datetime as dt

import polars as pl
import pytest

from tradepipe.reporting import market_plots

PICTURE = "](data:image/png;base64,"


def shown(told, data, indicators, since):
    """All plots of a market as its assets show them: frames of a range of partitions, named in a column."""

    def own(frame):
        return frame.filter(pl.col("session") >= since).with_columns(partition=pl.col("session").dt.strftime("%Y-%m"))

    bars, positions = own(data.bars), own(data.positions)
    return {
        **market_plots.bars(told, bars),
        **market_plots.indicators(told, bars, own(indicators)),
        **market_plots.forecasts(told, bars, own(data.forecasts)),
        **market_plots.scores(told, own(data.scores)),
        **market_plots.positions(told, positions, bars),
    }


@pytest.mark.parametrize(
    "since", [dt.date(1999, 1, 1), dt.date(2018, 12, 1), dt.date(2018, 12, 31), dt.date(2030, 1, 1)]
)
def test_plots_of_any_range_are_small_pictures(data, market, indicators, since):
    plots = shown(market.settings, data, indicators, since)
    assert len(plots) == 6
    for plot in plots.values():
        assert PICTURE in plot
        assert len(plot) <= 60_000
