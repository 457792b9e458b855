"""The shape of the configuration: every key, its type, its unit and its range.

Durations are ISO 8601 (`PT30M`), money is decimal text, sessions are dates of the market's calendar.
"""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field, model_validator

from tradepipe.settings.forecasts import ForecastSettings
from tradepipe.settings.sections import Duration, Interval, Name, Section
from tradepipe.settings.sources import FetchSettings, FileSource, fetched_source
from tradepipe.settings.storage import (
    CacheSettings,
    DatasetSettings,
    LedgerSettings,
    ModelRegistrySettings,
    StoreSettings,
    WarehouseSettings,
)

Environment = Literal["dev", "test", "prod"]


class CleaningSettings(Section):
    """What cleaning looks for beyond the contract. Thresholds look back only, never ahead."""

    window: int = Field(20, ge=5, le=500, description="bars before a bar that say what is usual for the symbol")
    spike_scale: float = Field(12.0, ge=0, description="robust deviations at which a price is flagged; 0: never")
    stale_bars: int = Field(5, ge=0, description="equal bars in a row with volume at which they are flagged; 0: never")
    volume_ratio: float = Field(
        100.0, ge=0, description="times the usual volume, or a part of it, at which its unit is doubted; 0: never"
    )
    twin_bars: int = Field(10, ge=0, description="bars equal to another symbol's at which both are flagged; 0: never")
    refuse: tuple[Literal["spike", "wrong_unit", "stale", "volume_unit", "twin"], ...] = Field(
        ("wrong_unit",), description="findings that send a bar to quarantine instead of flagging it"
    )


class StrategySettings(Section):
    """The forecast-over-volatility strategy: exposure in proportion to the forecast's score."""

    name: Name = "forecast_over_volatility"
    model: Name = Field("arma_garch", description="whose forecasts it acts on: a member, or ensemble")
    horizon: int = Field(5, ge=1, le=60, description="bars over which the edge is taken")
    full_score: float = Field(0.25, gt=0, description="score at which the exposure is full")
    max_weight: float = Field(0.5, gt=0, le=1, description="largest exposure per symbol, fraction of equity")
    allow_short: bool = False
    time_to_live: Duration = Field(dt.timedelta(days=5), description="an intent not sent by then is void")


class CostSettings(Section):
    """Expected and simulated cost of trading, and the gate that asks for more edge than cost."""

    fee_bps: Decimal = Field(Decimal("1.0"), ge=0, le=1000, description="fee per side, basis points of notional")
    slippage_bps: Decimal = Field(Decimal("1.0"), ge=0, le=1000, description="slippage per side, basis points")
    min_edge_over_cost: Decimal = Field(
        Decimal("1.0"), ge=0, description="edge must reach this multiple of the round-trip cost"
    )
    min_trade_weight: Decimal = Field(
        Decimal("0.05"), ge=0, le=1, description="smaller changes of exposure, as a fraction of equity, are not traded"
    )


class RiskSettings(Section):
    """Hard limits; an order that would pass one is denied, one that reduces exposure is not."""

    max_symbol_exposure: Decimal = Field(Decimal("0.6"), gt=0, description="fraction of equity")
    max_gross_exposure: Decimal = Field(Decimal("1.0"), gt=0, description="fraction of equity, all symbols")
    max_order_notional: Decimal = Field(Decimal(1_000_000), gt=0, description="price currency")


class ExecutionSettings(Section):
    """Account, venue and gates of a market's trading."""

    enabled: bool = True
    account: Name = "paper"
    venue: Literal["paper"] = "paper"
    initial_cash: Decimal = Field(Decimal(1_000_000), gt=0, description="price currency")
    costs: CostSettings = CostSettings()
    risk: RiskSettings = RiskSettings()


class MarketSettings(Section):
    """One market: adding one adds a file, no code."""

    name: Name
    description: str
    owner: str = Field("team:tradepipe", description="shown in the UI: team:NAME or an e-mail address")
    currency: str = Field(pattern="^[A-Z]{3,5}$")
    calendar: str = Field(description="an exchange_calendars code such as XNYS, or 24/7")
    timezone: str | None = Field(
        None, description="the calendar's IANA zone, so that Dagster loads without the calendar; default: asked of it"
    )
    interval: Interval = Field(description="length of the base bars")
    partition: Literal["month", "session"] = Field(description="what one partition holds")
    start: dt.date
    end: dt.date | None = Field(None, description="last session; none: the market is still trading")
    universe: str = Field(
        description="file name below data/manifests/universes, without .yaml; or the full path of a .yaml file"
    )
    publication_delay: Duration = Field(
        dt.timedelta(minutes=30), description="from a bar's close until it can be known"
    )
    source: FileSource
    fetch: FetchSettings = FetchSettings()
    intervals: tuple[Interval, ...] = Field((), description="longer intervals made from the base bars")
    corporate_actions: str | None = Field(
        None, description="file name below data/manifests/corporate_actions, without .yaml"
    )
    cleaning: CleaningSettings = CleaningSettings()
    indicators: tuple[str, ...] = Field(description="e.g. rsi(14), bollinger(20, 2)@1h, cross_rank(rsi(14))")
    benchmark: str | None = Field(None, description="symbol that beta and correlation compare with")
    threads: int = Field(
        1, ge=1, le=256, description="threads that compute indicators and forecasts; the values are the same"
    )
    forecasts: ForecastSettings = ForecastSettings()
    strategy: StrategySettings = StrategySettings()
    execution: ExecutionSettings = ExecutionSettings()

    @model_validator(mode="before")
    @classmethod
    def _source_of_what_is_fetched(cls, told: object) -> object:
        if not isinstance(told, dict) or not isinstance(told.get("source", {}), dict):
            return told
        fetch = told.get("fetch", {})
        fetch = fetch.model_dump() if isinstance(fetch, FetchSettings) else fetch
        source = fetched_source(told.get("name"), fetch, told.get("source", {})) if isinstance(fetch, dict) else {}
        return {**told, "source": source} if source else told

    @model_validator(mode="after")
    def _consistent(self) -> "MarketSettings":
        if self.end is not None and self.end < self.start:
            raise ValueError("end lies before start")
        if self.partition == "month" and self.interval != "1d":
            raise ValueError("monthly partitions are for daily bars; use partition: session")
        lengths = get_args(Interval)
        if any(lengths.index(one) <= lengths.index(self.interval) for one in self.intervals):
            raise ValueError("intervals must each be longer than interval")
        if self.strategy.horizon > self.forecasts.horizon:
            raise ValueError("strategy.horizon exceeds forecasts.horizon")
        if self.strategy.model not in (*self.forecasts.members, "ensemble"):
            known = ", ".join(self.forecasts.members)
            raise ValueError(f"strategy.model is neither ensemble nor among forecasts.members: {known}")
        return self


class Settings(Section):
    """Everything tradepipe is told from outside, merged and validated."""

    environment: Environment = "dev"
    home: Path = Field(description="folder of everything tradepipe writes")
    landing: Path | None = Field(None, description="folder where vendor files arrive; default: <home>/landing")
    automation: bool = Field(False, description="sensors and schedules start switched on")
    store: StoreSettings = StoreSettings()
    ledger: LedgerSettings = LedgerSettings()
    datasets: DatasetSettings = DatasetSettings()
    cache: CacheSettings = CacheSettings()
    warehouse: WarehouseSettings = WarehouseSettings()
    models: ModelRegistrySettings = ModelRegistrySettings()
    markets: dict[Name, MarketSettings]

    @property
    def landing_folder(self) -> Path:
        return self.landing or self.home / "landing"

    @property
    def store_folder(self) -> Path:
        return self.store.root or self.home / "store"

    @property
    def manifests_folder(self) -> Path:
        """Where manifests of published datasets are written; those of universes ship with the project."""
        return self.datasets.manifests or self.home / "manifests"

    @property
    def catalogue_url(self) -> str:
        return self.store.catalogue_url or f"sqlite:///{self.home / 'catalogue.sqlite'}"

    @property
    def models_url(self) -> str:
        return self.models.registry_url or f"sqlite:///{self.home / 'models.sqlite'}"

    @property
    def journal_url(self) -> str:
        return self.ledger.journal_url or f"sqlite:///{self.home / 'journal.sqlite'}"

    @property
    def paper_venue_url(self) -> str:
        return self.ledger.paper_venue_url or f"sqlite:///{self.home / 'paper_venue.sqlite'}"
