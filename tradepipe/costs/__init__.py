"""Costs: what a trade is expected to cost, and the gate that asks for more edge than that."""

from tradepipe.costs.gate import CostVerdict, cost_gate, round_trip_cost_bps

__all__ = ["CostVerdict", "cost_gate", "round_trip_cost_bps"]
