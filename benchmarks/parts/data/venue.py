"""An incremental miss: what a venue has and we do not, asked for, landed and read, over a slow line.

A fake venue on a socket answers after 200 ms. Each round a day goes by there; then one symbol's tail
is fetched by a new source (as a new process would: the venue's time and instruments are asked for
too), landed durably, and read to raw bars. The peer brings the same symbol anew, from its start, into
an empty landing folder. The two take turns. Wall time, since waiting is what it is about.
"""

import datetime as dt
import tempfile
import time
from pathlib import Path

from tests.ingest_sources.scenes import VenueScene
from tradepipe.ingest import raw_bars, scan
from tradepipe.ingest.sources import Delivery, Landed, land
from tradepipe.ingest.sources.venue import VenueSource
from tradepipe.markets import Market

Figure = dict[str, float | str]

LATENCY = 0.2
TARGET_S = 5.0
ROUNDS, QUICK_ROUNDS = 30, 5
DAYS = 365
DAY = 24 * 3600


def measure(*, quick: bool) -> dict[str, Figure]:
    """99th percentile of the rounds, and that of the full refreshes."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    scene = VenueScene.of("binanceusdm", 1)
    scene.venue.latency = LATENCY
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            misses, refreshes = _rounds(scene, folder, rounds)
    finally:
        scene.close()
    return {
        "incremental_miss_p99_s": {
            "measured": round(_p99(misses), 3),
            "target": TARGET_S,
            "unit": "s",
            "peer": round(_p99(refreshes), 3),
            "better": "lower",
        }
    }


def _rounds(scene: VenueScene, folder: Path, rounds: int) -> tuple[list[float], list[float]]:
    _pass(scene, DAYS)
    market = scene.market()
    _update(scene, market, folder / "kept")
    misses, refreshes = [], []
    for number in range(rounds):
        _pass(scene, DAYS + number + 1)
        seconds, rows = _update(scene, market, folder / "kept")
        if rows != 24:
            raise SystemExit(f"a day's 24 bars were expected, {rows} came")
        misses.append(seconds)
        if number % 5 == 0:
            refreshes.append(_update(scene, market, folder / f"anew-{number}")[0])
    return misses, refreshes


def _pass(scene: VenueScene, days: int) -> None:
    """So many days after its start, the venue has their bars."""
    scene.fill(days * 24)


def _update(scene: VenueScene, market: Market, folder: Path) -> tuple[float, int]:
    """Seconds from asking to raw bars in memory, and how many of them are new."""
    start = time.perf_counter()
    source = VenueSource(market, environ={}, timing=scene.time.timing)
    found = source.deliveries(Landed(folder, market.name))
    new = {
        path.relative_to(folder).as_posix()
        for path in land((one for one in found if isinstance(one, Delivery)), folder)
    }
    source.close()
    raw = raw_bars([file for file in scan(folder, market.settings.source.pattern) if file.name in new], market)
    return time.perf_counter() - start, raw.rows.height


def _p99(seconds: list[float]) -> float:
    """Of few rounds, the slowest."""
    ordered = sorted(seconds)
    return ordered[max(0, -(-99 * len(ordered) // 100) - 1)]


if __name__ == "__main__":
    print(dt.datetime.now(dt.UTC), measure(quick=True))
