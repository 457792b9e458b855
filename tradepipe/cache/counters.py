"""What a cache counts of itself, under the names that dashboards show."""

import threading


class Counters:
    """Counts that only go up, and the bytes held now. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values = dict.fromkeys(
            (
                "cache_hits_total",
                "cache_shared_hits_total",
                "cache_misses_total",
                "cache_expired_total",
                "cache_changed_total",
                "cache_evictions_total",
                "cache_shared_errors_total",
                "cache_bytes",
            ),
            0,
        )

    def add(self, name: str, amount: int = 1) -> None:
        """Count `amount` more of `name`."""
        with self._lock:
            self._values[name] += amount

    def set(self, name: str, value: int) -> None:
        """Say what `name` is now."""
        with self._lock:
            self._values[name] = value

    def metrics(self) -> dict[str, int]:
        """All of them. Every read is one hit or one miss; a miss that Valkey answered is a shared hit too.

        A miss is expired when the next bar may exist, changed when its partitions were published anew.
        """
        with self._lock:
            return dict(self._values)

    @property
    def hit_rate(self) -> float:
        """Hits over reads; 0 before the first read."""
        told = self.metrics()
        reads = told["cache_hits_total"] + told["cache_misses_total"]
        return told["cache_hits_total"] / reads if reads else 0.0
