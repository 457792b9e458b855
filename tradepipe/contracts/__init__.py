"""Contracts: what each layer promises. One module a group of layers, one object a layer."""

from tradepipe.contracts.auditing import FORECAST_AUDIT
from tradepipe.contracts.bars import BARS, BARS_HISTORY, QUALITY_CODES, RAW_BARS
from tradepipe.contracts.corporate_actions import ACTION_KINDS, CORPORATE_ACTIONS
from tradepipe.contracts.derivatives import BOOKS, FUNDING, MARK_PRICES, OPEN_INTEREST
from tradepipe.contracts.evaluation import (
    EVALUATION_LOSSES,
    EVALUATION_ORIGINS,
    EVALUATIONS,
    FORECAST_SCORES,
    REGIMES,
)
from tradepipe.contracts.features import indicators_contract
from tradepipe.contracts.forecasts import FITS, FORECASTS
from tradepipe.contracts.gaps import EVERY_SYMBOL, GAP_REASONS, GAPS
from tradepipe.contracts.landing import LANDING, LANDING_SEEN, UNPLACED
from tradepipe.contracts.model import MONEY, REASON, UTC, Breach, Column, Contract, ContractError, Rule
from tradepipe.contracts.models import MODEL_VERSIONS
from tradepipe.contracts.quarantine import QUARANTINE
from tradepipe.contracts.releases import RELEASES
from tradepipe.contracts.resampled import RESAMPLED_BARS
from tradepipe.contracts.signals import SIGNALS
from tradepipe.contracts.trading import FILLS, ORDER_STATES, ORDERS, POSITIONS
from tradepipe.contracts.unread import UNREAD_BARS
from tradepipe.contracts.validation import validate

__all__ = [
    "ACTION_KINDS",
    "BARS",
    "BARS_HISTORY",
    "BOOKS",
    "CORPORATE_ACTIONS",
    "EVALUATIONS",
    "EVALUATION_LOSSES",
    "EVALUATION_ORIGINS",
    "EVERY_SYMBOL",
    "FILLS",
    "FITS",
    "FORECASTS",
    "FORECAST_AUDIT",
    "FORECAST_SCORES",
    "FUNDING",
    "GAPS",
    "GAP_REASONS",
    "LANDING",
    "LANDING_SEEN",
    "MARK_PRICES",
    "MODEL_VERSIONS",
    "MONEY",
    "OPEN_INTEREST",
    "ORDERS",
    "ORDER_STATES",
    "POSITIONS",
    "QUALITY_CODES",
    "QUARANTINE",
    "RAW_BARS",
    "REASON",
    "REGIMES",
    "RELEASES",
    "RESAMPLED_BARS",
    "SIGNALS",
    "UNPLACED",
    "UNREAD_BARS",
    "UTC",
    "Breach",
    "Column",
    "Contract",
    "ContractError",
    "Rule",
    "indicators_contract",
    "validate",
]
