"""The model registry as a Dagster resource, opened once in each process that registers versions."""

import json
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import PrivateAttr

from tradepipe.settings import PoolSettings, Settings

if TYPE_CHECKING:
    from tradepipe.forecasting.registry import ModelRegistry


class ModelsResource(dg.ConfigurableResource["ModelsResource"]):
    """Where model versions are registered. Fields are plain, so that the UI shows them."""

    models_url: str
    pool: str = "{}"
    """Of connections, as JSON."""
    _registry: "ModelRegistry | None" = PrivateAttr(default=None)

    @classmethod
    def of(cls, settings: Settings) -> "ModelsResource":
        return cls(models_url=settings.models_url, pool=settings.store.pool.model_dump_json())

    def open(self) -> "ModelRegistry":
        """The registry itself; its database is migrated on first use."""
        from tradepipe.forecasting.registry import ModelRegistry  # noqa: PLC0415 - heavy imports belong to the step

        if self._registry is None:
            pool = PoolSettings.model_validate(json.loads(self.pool))
            self._registry = ModelRegistry.open(self.models_url, pool=pool)
        return self._registry
