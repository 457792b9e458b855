"""What the tests of published datasets publish."""

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path

from tests.markets.building import build_market
from tests.store.samples import SMALL, small
from tradepipe.datasets import Registry, Terms, Version, take
from tradepipe.store import Input, PartitionStore

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
DATASET = "lab/small"


@dataclass(frozen=True)
class Shop:
    """A store, its registry, and short words for what tests do with them."""

    store: PartitionStore
    registry: Registry

    @classmethod
    def in_store(cls, store: PartitionStore, manifests: Path) -> "Shop":
        return cls(store, Registry.open(store, manifests))

    def fill(self, value=1.0, dataset=DATASET, months=(1, 2), contract=SMALL):
        """Publish partitions whose rows came from a landing file each."""
        frames = {f"2024-{month:02d}": small(value=value, month=month) for month in months}
        inputs = {key: [Input("lab/landing", f"lab/{key}.csv", "ab" * 32)] for key in frames}
        self.store.publish(dataset, frames, contract, code_version="7", inputs=inputs)

    def manifest(self, version="1.0.0", dataset=DATASET, partitions=(None, None), now=NOW, calendar="XNYS", **terms):
        market = build_market(name="lab", calendar=calendar)
        told = Terms(Version.parse(version), **terms)
        return take(self.store, market, dataset, told, now=now, partitions=partitions)

    def publish(self, version="1.0.0", dataset=DATASET, **terms):
        """Fill with rows of their own for each version, and publish that."""
        manifest = self.manifest(version, dataset, **terms)
        self.registry.publish(manifest, NOW)
        return manifest

    def fill_and_publish(self, version, dataset=DATASET, **terms):
        self.fill(float(version.replace(".", "")), dataset)
        return self.publish(version, dataset, **terms)

    def path(self, manifest, partition="2024-01") -> Path:
        return self.store.root / next(file.path for file in manifest.files if file.partition == partition)

    def other_contract(self, version):
        return replace(SMALL, version=version)


def flip(path: Path, place: int = 100) -> None:
    """Turn one bit of one byte."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(bytes(content))
