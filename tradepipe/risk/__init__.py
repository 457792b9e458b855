"""Risk: hard limits on what an order may do, and whether an intent is still worth judging."""

from tradepipe.risk.limits import RiskVerdict, risk_gate, timeliness

__all__ = ["RiskVerdict", "risk_gate", "timeliness"]
