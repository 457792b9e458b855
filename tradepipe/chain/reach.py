"""How far one bar reaches: the rows of each layer's partitions that can have been computed from it."""

import datetime as dt
from collections.abc import Sequence

from tradepipe.chain.layers import LAYERS
from tradepipe.markets import Market


class Reach:
    """Of a bar of `session`: the first session in a partition of a layer whose rows can have used it.

    A partition reads no further back than its anchor (decision 0004). Bars before it are not used,
    though the partition that holds them is an input. `keys` are the partitions that will be asked for.
    """

    def __init__(self, market: Market, session: dt.date, keys: Sequence[str]) -> None:
        self._session = session
        # Of indicators, what is read further is the log return: of the bar's own row and the next one's.
        following = market.calendar.offset(session, 1)
        # A longer bar lies within its session.
        touched = {"raw_bars": session, "bars": session, "intervals": session, "indicators": following}
        own = market.partitions.windows(keys, 0)
        self._spans = {key: (first, last) for key, _, first, last in own.rows()}
        self._anchors: dict[str, list[tuple[dict[str, dt.date], dt.date | None]]] = {}
        for name, layer in LAYERS.items():
            self._anchors[name] = [
                (dict(market.partitions.windows(keys, back).select("partition", "anchor_session").rows()), last)
                for read, back in layer.reads(market).items()
                if read in LAYERS  # a bar reaches nothing that is fetched beside it
                for last in [touched.get(read)]
            ]

    def first(self, layer: str, partition: str) -> dt.date | None:
        """The first session of `partition` whose rows of `layer` can have used the bar; None: none can."""
        if partition not in self._spans:
            return None
        first, last = self._spans[partition]
        reaches = any(until is None or anchors[partition] <= until for anchors, until in self._anchors[layer])
        return max(first, self._session) if reaches and self._session <= last else None
