"""The rows of each partition: those it holds, and those it is computed from, as far as its lookback reaches."""

import polars as pl

PARTITION = "partition"


def anchored(frame: pl.DataFrame, windows: pl.DataFrame) -> pl.DataFrame:
    """For each window, the rows of `frame` whose session lies in [anchor_session, last_session].

    A layer that looks back computes a partition from these rows alone. So the partition's content is
    the same whether it is computed by itself, within a range, or again later.

    Args:
        frame: any rows with a `session` column (Date) without nulls. A `partition` column is replaced.
        windows: partition, anchor_session, first_session, last_session, as
            `PartitionScheme.windows` returns them.

    Returns:
        `partition`, then the frame's columns: windows in their order, sessions ascending within each,
        rows of one session as they stood. A row is repeated for each window that holds it, so the
        result has about (lookback / sessions of a partition) times as many rows as `frame`.
    """
    rows = frame.drop(PARTITION, strict=False).sort("session", maintain_order=True)
    session = rows.get_column("session")
    slices = windows.select(
        PARTITION,
        pl.int_ranges(
            session.search_sorted(windows.get_column("anchor_session"), side="left").cast(pl.Int64),
            session.search_sorted(windows.get_column("last_session"), side="right").cast(pl.Int64),
        ).alias("row"),
    )
    taken = slices.explode("row")  # a window without rows gives none
    return rows.select(pl.all().gather(taken.get_column("row"))).insert_column(0, taken.get_column(PARTITION))


def by_partition(rows: pl.DataFrame, *, keep: bool = False) -> dict[str, pl.DataFrame]:
    """The rows of each value of `partition` (String), in their order; `keep`: with that column.

    Rows of one partition that lie together, as those of sorted ones do, are not copied.
    """
    keys = rows.get_column(PARTITION)
    starts = (keys != keys.shift(1)).fill_null(value=True).arg_true()
    names = keys.gather(starts).to_list()
    if None in names or len(set(names)) != len(names):
        parts = rows.partition_by(PARTITION, as_dict=True, include_key=keep, maintain_order=True)
        return {key: part for (key,), part in parts.items()}
    held = rows if keep else rows.drop(PARTITION)
    stops = [*starts.to_list(), rows.height]
    return {name: held.slice(stops[at], stops[at + 1] - stops[at]) for at, name in enumerate(names)}
