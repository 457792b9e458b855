"""Contracts: what each layer promises. One module a group of layers, one object a layer."""

from tradepipe.contracts.bars import BARS, BARS_HISTORY, QUALITY_CODES, RAW_BARS
from tradepipe.contracts.decisions import FORECAST_SCORES, FORECASTS, SIGNALS
from tradepipe.contracts.features import indicators_contract
from tradepipe.contracts.landing import LANDING, UNPLACED
from tradepipe.contracts.model import MONEY, REASON, UTC, Breach, Column, Contract, ContractError, Rule
from tradepipe.contracts.quarantine import QUARANTINE
from tradepipe.contracts.trading import FILLS, ORDER_STATES, ORDERS, POSITIONS
from tradepipe.contracts.validation import validate

__all__ = [
    "BARS",
    "BARS_HISTORY",
    "FILLS",
    "FORECASTS",
    "FORECAST_SCORES",
    "LANDING",
    "MONEY",
    "ORDERS",
    "ORDER_STATES",
    "POSITIONS",
    "QUALITY_CODES",
    "QUARANTINE",
    "RAW_BARS",
    "REASON",
    "SIGNALS",
    "UNPLACED",
    "UTC",
    "Breach",
    "Column",
    "Contract",
    "ContractError",
    "Rule",
    "indicators_contract",
    "validate",
]
