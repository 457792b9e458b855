"""One mart over one range of partitions: read, compute in the warehouse, publish, keep the lineage."""

from collections.abc import Mapping, Sequence

import polars as pl

from tradepipe.chain.layers import dataset
from tradepipe.chain.marts import MartLook
from tradepipe.chain.run import PARTITION, PartitionReport, Reports
from tradepipe.contracts import ContractError
from tradepipe.contracts.model import Breach
from tradepipe.markets import Market
from tradepipe.observability import progress
from tradepipe.observability.meter import WRITE, Meter
from tradepipe.store import PartitionStore
from tradepipe.warehouse import ALL, Mart, Warehouse, column_lineage


class MartRun:
    """Computes and publishes one mart of one market for the partitions `keys`, or its one partition.

    All inputs are fixed when the run begins: the SELECT reads the generations that the lineage names.
    Published partitions whose inputs retention evicted stay as they are.

    Args:
        store: where generations are.
        market: the market.
        marts: all marts by name.
        name: the mart to compute.
        keys: partitions of the market; not looked at for a mart with one partition.
        run_id: of the Dagster run.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - as for a layer
        self,
        store: PartitionStore,
        market: Market,
        marts: Mapping[str, Mart],
        name: str,
        keys: Sequence[str],
        run_id: str | None = None,
    ) -> None:
        self.store, self.market, self.mart, self.run_id = store, market, marts[name], run_id
        self.meter = Meter()
        wanted = {name: marts[name]} | {ref: marts[ref] for ref in marts[name].refs if ref in marts}
        self.look = MartLook(store.catalogue, market, wanted, keys)
        self.keys = self.look.partitions_of(self.mart)
        frozen = self.look.frozen(self.mart, self.keys)
        self._kept = {key: one for key, one in self.look.current[name].items() if key in frozen}
        progress.report(name, 0, len(self.keys))

    def lineage(self) -> dict[str, list[tuple[str, str]]]:
        """Column -> (ref, column) that it is computed from.

        Raises:
            MartError: when the SELECT is not in the portable subset, or is not what the header says.
        """
        return column_lineage(self.mart, self.look.contracts)

    def compute(self, warehouse: Warehouse) -> pl.DataFrame:
        """The mart's rows of the range, with their `partition`; the types are the contract's.

        Raises:
            WarehouseError: when the engine refuses the SELECT.
            ContractError: when a column cannot be what the contract says.
        """
        rows = warehouse.query(self.store, self.mart.sql, self.look.relations(self.mart, self.keys))
        schema = self.mart.contract.polars_schema
        try:
            typed = rows.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
        except (pl.exceptions.PolarsError, OverflowError) as error:
            told = str(error).split("\n", 1)[0]
            raise ContractError(
                self.market.name,
                self.mart.name,
                ", ".join(self.keys[:3]),
                [Breach("schema", rows.height, (told,), "schema")],
            ) from error
        if self.mart.header.partition_by is None:
            return typed.with_columns(pl.lit(ALL).alias(PARTITION))
        placed = typed.with_columns(self.market.partitions.key_expr(self.mart.header.partition_by).alias(PARTITION))
        return placed.filter(pl.col(PARTITION).is_in(self._computed))

    def findings(self, frame: pl.DataFrame) -> dict[str, dict[str, int]]:
        """Check -> partition -> rows that break it."""
        return {
            check.code: dict(frame.filter(check.broken).group_by(PARTITION).len().rows()) for check in self.mart.checks
        }

    def publish(self, frame: pl.DataFrame) -> Reports:
        """Publish `frame` as one generation a partition; a partition without rows is published empty.

        Raises:
            ContractError: when a row breaks the mart's contract; nothing is published then.
        """
        contract = self.mart.contract
        parts = frame.partition_by(PARTITION, as_dict=True, include_key=False)
        keys = self._computed
        frames = {key: contract.arrange(parts.get((key,), contract.empty())) for key in keys}
        with self.meter.phase(WRITE):
            published = self.store.publish(
                dataset(self.market.name, self.mart.name),
                frames,
                contract,
                code_version=self.mart.code_version,
                inputs=self.look.inputs(self.mart, keys) if keys else {},
                run_id=self.run_id,
            )
        self.meter.rows[WRITE] += frame.height
        progress.report(self.mart.name, len(self.keys), len(self.keys))
        made = {key: (one.generation, one.changed) for key, one in published.items()}
        made |= {key: (one, False) for key, one in self._kept.items()}
        reports = [
            PartitionReport(
                partition=key,
                rows=made[key][0].rows,
                refused=0,
                changed=made[key][1],
                content=made[key][0].content,
                generation=made[key][0].id,
                sha256=made[key][0].sha256,
            )
            for key in self.keys
        ]
        return Reports(reports, self.meter.measured())

    @property
    def _computed(self) -> list[str]:
        return [key for key in self.keys if key not in self._kept]
