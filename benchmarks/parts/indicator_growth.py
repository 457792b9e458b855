"""How the time grows when a series becomes twice as long: no indicator may look at all the past for each bar."""

from collections.abc import Callable

from benchmarks.parts.indicator_bars import Figure, paired, ratio_of, runs_of, walk
from tradepipe.indicators import indicators

# So few that both lengths stay in the second-level cache.
BARS, SYMBOLS = 4_000, 4
TIMES = 12
TARGET = 2.2
# Prices of a wilder walk cross powers of ten the oftener the longer it is, where exact decimals cost more.
VOLATILITY = 0.001


def measure(*, quick: bool) -> dict[str, Figure]:
    """The largest time(2n) / time(n) of all registered indicators with their defaults."""
    rounds = 9 if quick else 25
    short, long = (walk(SYMBOLS, bars, VOLATILITY) for bars in (BARS, 2 * BARS))
    growths = {}
    for indicator in indicators().values():
        bound = indicator.bind()
        once, twice = paired(*(_often(runs_of(bound, bars)) for bars in (short, long)), rounds=rounds)
        growths[bound.text] = ratio_of(twice, once)
    print(", ".join(f"{text} {growth:.2f}" for text, growth in growths.items()))
    worst = max(growths, key=growths.__getitem__)
    return {
        "time_of_twice_the_bars": {
            "measured": round(growths[worst], 2),
            "target": TARGET,
            "unit": "x",
            "peer": f"{worst} over {2 * BARS} bars against {BARS}, {len(growths)} indicators measured",
            "better": "lower",
        }
    }


def _often(run: Callable[[], None]) -> Callable[[], None]:
    """The worst of some seventy ratios is told: each measurement has to be long beside a lost cache."""

    def runs() -> None:
        for _ in range(TIMES):
            run()

    return runs
