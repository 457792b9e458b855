"""What can go wrong with marts and the engines that run them, by name."""


class WarehouseError(RuntimeError):
    """The SQL engine cannot do what was asked; the message says why and what to do."""


class MartError(ValueError):
    """A file of `dbt_like_sql` is not a mart; the message names file, line or key, and the remedy."""


class UnknownRelationError(LookupError):
    """`ref()` names what there is not, or what cannot be read as asked."""
