"""The catalogue as reports read it: from a read replica, and from the primary while that one is down."""

import logging
import time
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy import exc

from tradepipe.store.catalogue import Catalogue

PAUSE = 30.0
"""Seconds for which a replica that was down is not asked again."""

_log = logging.getLogger(__name__)


class ReplicaCatalogue(Catalogue):
    """Reads from `replica`, which may lag behind; from the primary while the replica cannot be reached.

    `engine` stays the primary's: what writes never goes through here. `clock` gives seconds.
    """

    def __init__(self, primary: sa.Engine, replica: sa.Engine, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(primary)
        self.replica, self._clock, self._again_at = replica, clock, clock()

    def _connect(self) -> sa.Connection:
        if self._clock() >= self._again_at:
            try:
                return self.replica.connect()
            except exc.OperationalError as error:
                self._again_at = self._clock() + PAUSE
                where = self.replica.url.render_as_string(hide_password=True)
                reason = str(error.orig).strip().split("\n", 1)[0]
                _log.warning("read replica %s is down (%s); reports read from the primary", where, reason)
        return super()._connect()
