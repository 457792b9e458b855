"""The chain: what each layer reads, what is stale, what is pending, and where a row came from."""

from tradepipe.chain.landing import LandingIndex
from tradepipe.chain.layers import (
    LANDING_LAYER,
    LAYERS,
    RESEARCH,
    TRADING,
    UNREAD,
    Layer,
    dataset,
    quarantine_of,
    research,
    with_inputs,
)
from tradepipe.chain.pending import PendingSignals, pending_signals
from tradepipe.chain.run import LayerRun, PartitionReport, Reports
from tradepipe.chain.staleness import Stale, ranges, stale_partitions
from tradepipe.chain.steps import Step, next_steps

__all__ = [
    "LANDING_LAYER",
    "LAYERS",
    "RESEARCH",
    "TRADING",
    "UNREAD",
    "LandingIndex",
    "Layer",
    "LayerRun",
    "PartitionReport",
    "PendingSignals",
    "Reports",
    "Stale",
    "Step",
    "dataset",
    "next_steps",
    "pending_signals",
    "quarantine_of",
    "ranges",
    "research",
    "stale_partitions",
    "with_inputs",
]
