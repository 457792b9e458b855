"""The cache of fits as a Dagster resource, opened once in each process that fits models."""

import datetime as dt
import json
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import PrivateAttr

from tradepipe.settings import PoolSettings, Settings

if TYPE_CHECKING:
    from tradepipe.forecasting.refits.stored import StoredFits


class FitsResource(dg.ConfigurableResource["FitsResource"]):
    """Where what was fitted is kept. Fields are plain, so that the UI shows them."""

    models_url: str
    keep_seconds: float | None
    """Age since its last use at which a kept fit goes; None: never."""
    pool: str = "{}"
    """Of connections, as JSON."""
    _fits: "StoredFits | None" = PrivateAttr(default=None)

    @classmethod
    def of(cls, settings: Settings) -> "FitsResource":
        keep = settings.models.keep_fits
        return cls(
            models_url=settings.models_url,
            keep_seconds=None if keep is None else keep.total_seconds(),
            pool=settings.store.pool.model_dump_json(),
        )

    def open(self) -> "StoredFits":
        """The cache itself; the database is migrated on first use."""
        from tradepipe.forecasting.refits.stored import StoredFits  # noqa: PLC0415 - heavy imports belong to the step

        if self._fits is None:
            keep = None if self.keep_seconds is None else dt.timedelta(seconds=self.keep_seconds)
            self._fits = StoredFits.open(self.models_url, keep, PoolSettings.model_validate(json.loads(self.pool)))
        return self._fits
