"""Between signals and model versions: which versions a signal rests on, and what was made with a version."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from tradepipe.chain.layer import FITS_LAYER
from tradepipe.chain.layers import LAYERS, dataset
from tradepipe.chain.lineage import Hop, LineageError
from tradepipe.contracts import FITS, FORECASTS
from tradepipe.contracts.forecasts import ENSEMBLE
from tradepipe.forecasting.registry.model import Version
from tradepipe.markets import Market, NoSessionError
from tradepipe.store import Generation, PartitionStore
from tradepipe.store.users import users_of

MEMBERS_LAYER = "member_forecasts"


@dataclass(frozen=True)
class MemberUsed:
    """A member's part in a forecast.

    Attributes:
        member: its name.
        weight: in the ensemble's mean at that origin; None: the forecast is the member's own.
        version: of the parameters.
        engine: what fitted them.
        fallback: why the first engine did not; None if it did.
        session: after whose close they were fitted.
    """

    member: str
    weight: float | None
    version: str
    engine: str
    fallback: str | None
    session: dt.date


def members_used(store: PartitionStore, market: Market, hops: Sequence[Hop]) -> list[MemberUsed]:
    """The versions behind a signal, the heaviest member first; only the member's own where it rests on one alone.

    Args:
        store: where the generations are.
        market: the signal's market.
        hops: the way back from the signal, of `tradepipe.chain.lineage.trace`.

    Returns:
        The versions; none where the files of forecasts or fits were removed since.

    Raises:
        LineageError: fits of a member are not there.
    """
    by_layer = {hop.layer: hop for hop in hops}
    forecast, members = by_layer["forecasts"], by_layer[MEMBERS_LAYER].generation
    fits = fits_beside(store, market, members)
    if not forecast.row or fits is None or fits.swept_at:
        return []
    row = forecast.row
    same = {name: row[name] for name in ("symbol", "open_time", "horizon")}
    weights: dict[str, float | None] = {row["model"]: None}
    if row["model"] == ENSEMBLE:
        # The members that it had, whatever the market's settings are by now.
        parts = store.read_generations([forecast.generation], FORECASTS, symbols=[row["symbol"]]).filter(**same)
        weights = dict(parts.filter(pl.col("model") != ENSEMBLE).select("model", "weight").rows())
    fitted = store.read_generations([fits], FITS, symbols=[row["symbol"]])
    return sorted(
        (_used(fitted, name, weight, row) for name, weight in weights.items()),
        key=lambda one: (-(one.weight or 0.0), one.member),
    )


def fits_beside(store: PartitionStore, market: Market, members: Generation) -> Generation | None:
    """The fits that were published with a generation of member forecasts."""
    history = store.catalogue.history(dataset(market.name, FITS_LAYER), members.partition)
    earlier = [one for one in history if one.created_at <= members.created_at]
    return earlier[-1] if earlier else None


def made_with(store: PartitionStore, market: Market, version: Version) -> dict[str, list[Generation]]:
    """What was made with a version: layer to generations, superseded ones too, oldest first.

    Later partitions look at its past errors to weigh members; they are not made with it.
    """
    history = store.catalogue.history(dataset(market.name, MEMBERS_LAYER), version.partition)
    mine = [one for one in history if _holds(store, fits_beside(store, market, one), version)]
    made = {MEMBERS_LAYER: mine}
    for layer in ("forecasts", "signals", "orders"):
        before = made[MEMBERS_LAYER if layer == "forecasts" else list(made)[-1]]
        users = users_of(store.catalogue, [one.id for one in before])
        name = dataset(market.name, layer)
        made[layer] = [one for one in users if one.dataset == name and one.partition == version.partition]
    return made


def _holds(store: PartitionStore, fits: Generation | None, version: Version) -> bool:
    """Whether `version` is among `fits`: a member may come out alike where others of its partition did not."""
    if fits is None or fits.swept_at or fits.content == version.fits.content:
        return fits is not None and fits.content == version.fits.content
    return version.id in store.read_generations([fits], FITS, columns=["version"])["version"]


def signal_of(store: PartitionStore, market: Market, symbol: str, session: dt.date) -> tuple[int, dt.datetime]:
    """Generation and decision time of the last signal of `symbol` at `session`.

    Raises:
        LineageError: there is none.
    """
    try:
        key = market.partitions.key_of(session)
    except NoSessionError as error:
        raise LineageError(f"{market.name} has no signals of {session}: {error}. Remedy: name a session") from None
    generation = store.catalogue.current(dataset(market.name, "signals"), [key]).get(key)
    if generation is not None:
        contract = LAYERS["signals"].contract(market)
        rows = store.read_generations([generation], contract, symbols=[symbol]).filter(session=session)
        if not rows.is_empty():
            decided: list[dt.datetime] = rows["decided_at"].to_list()
            return generation.id, max(decided)
    raise LineageError(f"{market.name} has no signal of {symbol!r} at {session}. Remedy: `tradepipe sql` lists signals")


def _used(fitted: pl.DataFrame, member: str, weight: float | None, row: Mapping[str, object]) -> MemberUsed:
    served = fitted.filter(
        pl.col("model") == member,
        pl.col("session") <= pl.lit(row["session"]),
        pl.col("trained_through") <= pl.lit(row["fitted_through"]),
    ).sort("session")
    if served.is_empty():
        raise LineageError(f"no fit of {member} for {row['symbol']} at {row['session']} is in {FITS_LAYER}")
    told = served.row(-1, named=True)
    return MemberUsed(member, weight, told["version"], told["engine"], told["fallback"], told["session"])
