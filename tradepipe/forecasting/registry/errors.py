"""What can go wrong with the model registry, by name."""

from collections.abc import Sequence

SHOWN = 8  # names in a message


class ModelRegistryError(ValueError):
    """The registry cannot do what it was asked for; the message names the version and the remedy."""


class UnknownModelError(ModelRegistryError):
    """No version, or more than one, answers to a name; or the registry has no such regime, member or metric."""


class IllegalTransitionError(ModelRegistryError):
    """The version's status does not allow what was asked for."""


class VersionConflictError(ModelRegistryError):
    """Something else is registered under the same version id already."""


def listed(names: Sequence[str]) -> str:
    """The first few of `names`, for a message."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
