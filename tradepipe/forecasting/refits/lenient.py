"""A fit cache that stops no run: what it cannot read or keep is fitted."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import sqlalchemy.exc

from tradepipe.forecasting.refits.stored import StoredFits
from tradepipe.store.errors import StoreBusyError

_log = logging.getLogger(__name__)

T = TypeVar("T")

_TROUBLE = (sqlalchemy.exc.SQLAlchemyError, StoreBusyError, OSError)
"""A database that is locked, away, full or damaged. An address or a schema that is wrong is no such thing."""


@dataclass
class LenientFits:
    """The fits in a database for as long as it answers: after the first trouble, which is logged, it is left alone.

    Attributes:
        opening: opens the cache, on first use.
    """

    opening: Callable[[], StoredFits]
    _lost: bool = field(default=False, init=False)

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """What is kept of `keys`; nothing after trouble."""
        return self._tried(lambda fits: fits.get_many(keys), {})

    def put_many(self, kept: Mapping[str, bytes]) -> None:
        """Keep all of them, if it can be."""
        self._tried(lambda fits: fits.put_many(kept), None)

    def prune(self) -> int:
        """Forget what was not used for long; how many went."""
        return self._tried(lambda fits: fits.prune(), 0)

    def _tried(self, what: Callable[[StoredFits], T], otherwise: T) -> T:
        if self._lost:
            return otherwise
        try:
            return what(self.opening())
        except _TROUBLE as error:
            self._lost = True
            _log.warning("The cache of fits is left out, what it holds is fitted anew. Reason: %s", error)
            return otherwise
