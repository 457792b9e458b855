"""SQL over the published layers: marts, the engines that run them, and their lineage."""

from tradepipe.warehouse.engine import Warehouse, open_warehouse
from tradepipe.warehouse.errors import MartError, UnknownRelationError, WarehouseError
from tradepipe.warehouse.lineage import column_lineage
from tradepipe.warehouse.marts import ALL, Mart, load_marts, ordered, read_mart
from tradepipe.warehouse.portable import parse
from tradepipe.warehouse.relations import Relation, Shelf
from tradepipe.warehouse.tokens import references

__all__ = [
    "ALL",
    "Mart",
    "MartError",
    "Relation",
    "Shelf",
    "UnknownRelationError",
    "Warehouse",
    "WarehouseError",
    "column_lineage",
    "load_marts",
    "open_warehouse",
    "ordered",
    "parse",
    "read_mart",
    "references",
]
