"""Taking a manifest of what a dataset's partitions hold now."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tradepipe import __version__
from tradepipe.datasets.errors import DatasetError
from tradepipe.datasets.files import scan
from tradepipe.datasets.manifest import Manifest, ManifestFile, Source, schema_hash, schema_of
from tradepipe.datasets.versions import Requirement, Version
from tradepipe.markets import Market
from tradepipe.store import Catalogue, DatasetNotFound, Generation, PartitionStore

_INTERVAL = "interval"


@dataclass(frozen=True)
class Terms:
    """What the publisher says of a version, beyond what the store knows."""

    version: Version
    note: str = ""
    requires: Sequence[str] = ()
    provides: Mapping[str, str] = field(default_factory=dict)
    skew_tolerance: dt.timedelta = dt.timedelta(seconds=1)


def take(  # noqa: PLR0913 - what is published, on which terms, when
    store: PartitionStore,
    market: Market,
    dataset: str,
    terms: Terms,
    *,
    now: dt.datetime,
    partitions: tuple[str | None, str | None] = (None, None),
) -> Manifest:
    """The manifest of the current generations of `dataset`, as of one moment.

    Args:
        store: where they are.
        market: the market they belong to; it tells calendar and interval.
        dataset: `market/layer`.
        terms: version, notes and requirements.
        now: the publisher's clock (UTC).
        partitions: first and last partition key; None for no bound.

    Raises:
        DatasetNotFound: nothing of it is published between the bounds.
        RequirementError: a requirement or a provided version cannot be read.
        DatasetError: the partitions differ in contract or columns, or a clock is wrong by more than the
            tolerance: rows known, or generations made, after `now`.
    """
    first, last = partitions
    current = store.catalogue.current(dataset)
    chosen = [one for key, one in current.items() if (first or key) <= key <= (last or key)]
    if not chosen:
        raise DatasetNotFound(dataset, sorted(current) or store.catalogue.datasets())
    known_at = max((one.known_at for one in chosen if one.known_at), default=None)
    _check_clocks(dataset, chosen, known_at, now + terms.skew_tolerance)
    schema = _common_schema(store, dataset, chosen)
    for text in terms.requires:
        Requirement.parse(text)
    return Manifest(
        dataset=dataset,
        version=str(terms.version),
        snapshot_at=now,
        calendar=market.settings.calendar,
        timezone=market.timezone,
        interval=_interval(store, market, schema, chosen),
        known_at=known_at,
        skew_tolerance=terms.skew_tolerance.total_seconds(),
        contract=chosen[0].contract,
        contract_version=chosen[0].contract_version,
        schema_sha256=schema_hash(schema),
        schema=schema,
        code_versions=tuple(sorted({one.code_version for one in chosen})),
        tradepipe=__version__,
        files=tuple(_file(one) for one in chosen),
        sources=tuple(sources_of(store.catalogue, [one.id for one in chosen])),
        requires=tuple(terms.requires),
        provides={name: str(Version.parse(text)) for name, text in sorted(terms.provides.items())},
        note=terms.note,
    )


def sources_of(catalogue: Catalogue, generation_ids: Sequence[int]) -> list[Source]:
    """The landing files that these generations were made from in the end, sorted by name."""
    seen: set[int] = set()
    found: set[Source] = set()
    ahead = set(generation_ids)
    while ahead:
        seen |= ahead
        inputs = [one for several in catalogue.inputs(sorted(ahead)).values() for one in several]
        found |= {Source(f"landing:{one.partition}", one.content) for one in inputs if one.generation is None}
        ahead = {one.generation for one in inputs if one.generation is not None} - seen
    return sorted(found, key=lambda source: (source.uri, source.sha256))


def _file(one: Generation) -> ManifestFile:
    return ManifestFile(one.partition, one.id, one.path, one.rows, one.size, one.sha256, one.content, one.slice)


def _check_clocks(
    dataset: str, chosen: Sequence[Generation], known_at: dt.datetime | None, latest: dt.datetime
) -> None:
    made = max(one.created_at for one in chosen)
    for what, when in (("was made", made), ("holds a row known", known_at)):
        if when is not None and when > latest:
            raise DatasetError(
                f"{dataset}: a partition {what} at {when.isoformat()}, after this machine's clock and the tolerated "
                f"skew ({latest.isoformat()}). Remedy: set the clock, or raise datasets.skew_tolerance."
            )


def _common_schema(store: PartitionStore, dataset: str, chosen: Sequence[Generation]) -> dict[str, str]:
    contracts = {(one.contract, one.contract_version) for one in chosen}
    schemas = {one.partition: schema_of(scan(store, [one]).collect_schema()) for one in chosen}
    first = next(iter(schemas.values()))
    other = next((key for key, schema in schemas.items() if list(schema.items()) != list(first.items())), None)
    if len(contracts) > 1 or other is not None:
        raise DatasetError(
            f"{dataset}: partitions differ in contract or columns"
            + (f" ({chosen[0].partition} and {other})" if other else "")
            + ". Remedy: `tradepipe run` brings the stale ones up to date, then publish again."
        )
    return first


def _interval(store: PartitionStore, market: Market, schema: Mapping[str, str], chosen: Sequence[Generation]) -> str:
    """The interval that the rows say; the market's base interval where they say none."""
    if _INTERVAL not in schema:
        return market.settings.interval
    found = scan(store, chosen, columns=[_INTERVAL]).unique().sort(_INTERVAL).collect()[_INTERVAL].to_list()
    return ", ".join(found) or market.settings.interval
