"""Journal and venue as a Dagster resource: what the execution job trades through."""

import dagster as dg
from pydantic import PrivateAttr

from tradepipe.execution import Journal
from tradepipe.execution.projections import History
from tradepipe.execution.venues import PaperVenue, Venue
from tradepipe.markets import Market
from tradepipe.settings import Settings


class TradingResource(dg.ConfigurableResource["TradingResource"]):
    """The order journal, and the venue account of each market. Credentials never pass through here."""

    journal_url: str
    paper_venue_url: str
    _journal: Journal | None = PrivateAttr(default=None)
    _venues: dict[str, Venue] = PrivateAttr(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> "TradingResource":
        return cls(journal_url=settings.journal_url, paper_venue_url=settings.paper_venue_url)

    def journal(self) -> Journal:
        """The journal; its database is migrated on first use."""
        if self._journal is None:
            self._journal = Journal.open(self.journal_url)
        return self._journal

    def history(self, market: Market) -> History:
        """Everything journaled of the market's account so far."""
        return History.load(self.journal(), market.name, market.settings.execution.account)

    def venue(self, market: Market) -> Venue:
        """The venue of the market's account."""
        if market.name not in self._venues:
            told = market.settings.execution
            self._venues[market.name] = PaperVenue.open(
                self.paper_venue_url, market=market.name, account=told.account, costs=told.costs
            )
        return self._venues[market.name]
