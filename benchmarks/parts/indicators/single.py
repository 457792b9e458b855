"""Each indicator that TA-Lib has, against TA-Lib symbol by symbol: the slowest of them is the figure."""

from benchmarks.common.bars import Figure, loop_of, minutes, paired, ratio_of, runs_of, stocks
from benchmarks.common.talib_peers import SINGLE
from tradepipe.indicators import parse_indicator

TARGET = 0.7


def measure(*, quick: bool) -> dict[str, Figure]:
    """The smallest ratio of CPU times over the indicators, on daily and on minute bars."""
    figures: dict[str, Figure] = {}
    daily, minute = stocks(), minutes()
    for name, bars in (("daily", daily.first(150 if quick else 505)), ("minutes", minute.first(2 if quick else 5))):
        ratios = {}
        for text, peer in SINGLE.items():
            bound = parse_indicator(text)
            ours, theirs = paired(runs_of(bound, bars), loop_of(peer, bars), rounds=5 if quick else 11)
            ratios[text] = ratio_of(theirs, ours)
        print(f"{bars.name}: " + ", ".join(f"{text} {ratio:.2f}" for text, ratio in ratios.items()))
        worst = min(ratios, key=ratios.__getitem__)
        figures[f"slowest_single_{name}_against_talib"] = {
            "measured": round(ratios[worst], 2),
            "target": TARGET,
            "unit": "x",
            "peer": f"TA-Lib loop, {worst}, {bars.name}",
            "better": "higher",
        }
    return figures
