"""How the time grows when a series becomes twice as long: no indicator may look at all the past for each bar."""

from benchmarks.parts.indicator_bars import Figure, paired, ratio_of, runs_of, walk
from tradepipe.indicators import indicators

BARS, SYMBOLS = 4_000, 16
TARGET = 2.2


def measure(*, quick: bool) -> dict[str, Figure]:
    """The largest time(2n) / time(n) of all registered indicators with their defaults."""
    rounds = 5 if quick else 15
    short, long = (walk(SYMBOLS, bars) for bars in (BARS, 2 * BARS))
    growths = {}
    for indicator in indicators().values():
        bound = indicator.bind()
        if not set(bound.inputs) <= set(short.arrays):
            print(f"{bound.text}: reads {', '.join(set(bound.inputs) - set(short.arrays))}, left out")
            continue
        once, twice = paired(runs_of(bound, short), runs_of(bound, long), rounds=rounds)
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
