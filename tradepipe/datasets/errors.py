"""What can go wrong with published datasets, by name."""

from collections.abc import Sequence


class DatasetError(RuntimeError):
    """A published dataset cannot be had as it was asked for; the message says why and what to do."""


class RequirementError(DatasetError, ValueError):
    """A text is no version, range or requirement."""


class VersionExistsError(DatasetError):
    """The version is published already, with other content; versions never change."""


class UnknownVersionError(DatasetError, LookupError):
    """No live version fits; the message lists those there are."""

    def __init__(self, wanted: str, available: Sequence[str]) -> None:
        listed = ", ".join(available)
        super().__init__(
            f"{wanted}: no such published version. "
            + (f"Available: {listed}." if available else "Nothing of it is published.")
            + ("" if available else " Remedy: `tradepipe dataset publish`; `tradepipe dataset list` shows all.")
        )


class IncompatibleError(DatasetError):
    """Each dataset exists, but they cannot be used together."""


class MismatchError(DatasetError):
    """Files, manifest or registration are not what they were when the version was published."""

    def __init__(self, message: str, findings: Sequence[str]) -> None:
        super().__init__(message)
        self.findings = tuple(findings)
