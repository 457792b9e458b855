"""Which column says when a row was known: what an as-of read may ask of a dataset."""

from collections.abc import Collection

KNOWN_AT = "known_at"

_RECORDED = {
    "fills": "filled_at",
    "orders": "decided_at",
    "landing": "arrived_at",
    "releases": "released_at",
}
"""Contract -> the time of the event that a row records; what was recorded is never restated."""

_COMPUTED = frozenset(
    {
        *("indicators", "resampled_bars", "regimes", "forecasts", "forecast_scores", "evaluations"),
        *("evaluation_losses", "evaluation_origins", "signals", "positions"),
    }
)
"""Contracts of rows that are computed from others: a restated bar changes them, whatever their own times say."""


class AsOfError(ValueError):
    """A dataset cannot say by itself what was known at a moment."""


def as_of_column(dataset: str, contract: str, columns: Collection[str]) -> str:
    """The column that a row of `dataset` was known by.

    Raises:
        AsOfError: for rows that are computed from others, and for rows without such a column.
    """
    if contract in _COMPUTED:
        raise AsOfError(
            f"{dataset}: its rows are computed from bars, so what they were at an earlier moment is computed again "
            "from the bars as of then. Remedy: tradepipe.chain.as_of.read_as_of does that."
        )
    column = _RECORDED.get(contract, KNOWN_AT)
    if column not in columns:
        raise AsOfError(
            f"{dataset}: no column says when a row was known (its contract is {contract!r}). "
            "Remedy: read it without as_of, or read what it was made from."
        )
    return column
