"""What can go wrong in the trading core, by name. Every one of them fails closed: nothing is sent."""

import datetime as dt
from collections.abc import Sequence


class ExecutionError(RuntimeError):
    """The trading core stopped before doing something it cannot account for."""


class DuplicateEntryError(ExecutionError):
    """A row that must be unique is in the journal already: somebody else wrote it."""

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = tuple(keys)
        super().__init__(
            f"the journal already holds {', '.join(keys)}: another process writes for this account. "
            "Nothing was appended. Remedy: end it, then run again."
        )


class IllegalTransitionError(ExecutionError):
    """A row that its order's earlier rows do not allow."""

    def __init__(self, order: str, kind: str, why: str) -> None:
        super().__init__(
            f"order {order}: {kind} is not possible, {why}. Remedy: `tradepipe why {order}` shows its rows."
        )


class LeaseHeldError(ExecutionError):
    """Another process trades the same account."""

    def __init__(self, name: str, waited: dt.timedelta) -> None:
        super().__init__(
            f"{name}: another process is trading this account and did not finish within {waited.total_seconds():g} s. "
            "Remedy: wait for it or end it, then run again."
        )


class LeaseLostError(ExecutionError):
    """The connection that held the account's lease is gone, so another process may hold it now."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: the lease was lost with its database connection. Remedy: run again.")


class AccountMismatchError(ExecutionError):
    """The settings describe another account than the one in the journal."""


class SessionsSkippedError(ExecutionError):
    """Sessions between the account's clock and the ones handed over were never traded."""

    def __init__(self, market: str, clock: dt.date, skipped: Sequence[dt.date]) -> None:
        self.skipped = tuple(skipped)
        first, last = self.skipped[0], self.skipped[-1]
        which = f"session {first}" if first == last else f"{len(self.skipped)} sessions from {first} to {last}"
        super().__init__(
            f"{market}: the account has traded up to {clock}, and {which} would be skipped. "
            "Nothing was sent or filled. Remedy: execute the partition of the skipped sessions first."
        )


class VenueUnreachableError(ExecutionError):
    """An order's fate could not be learned from the venue; it stays UNKNOWN until it can."""

    def __init__(self, order: str, attempts: int) -> None:
        super().__init__(
            f"order {order}: the venue did not say what became of it, asked {attempts} times; it stays UNKNOWN and "
            "nothing else is sent. Remedy: run again when the venue answers; the order is queried before anything."
        )


class VenueMismatchError(ExecutionError):
    """The venue holds an order under one of our ids whose terms are not the journal's."""

    def __init__(self, order: str, wanted: str, held: str) -> None:
        super().__init__(
            f"order {order}: the journal says {wanted}, the venue holds {held} under this id. Nothing was concluded. "
            "Remedy: use the journal that belongs to this venue account, or another execution.account."
        )


class UnknownOrderError(ExecutionError):
    """The venue reports an order of this account that the journal does not know."""

    def __init__(self, order: str) -> None:
        super().__init__(
            f"the venue reports order {order}, which the journal does not hold. "
            "Remedy: use the journal that belongs to this venue account, or another account."
        )


class SignalInputError(ExecutionError, ValueError):
    """Signals, bars or instruments that do not fit together."""
