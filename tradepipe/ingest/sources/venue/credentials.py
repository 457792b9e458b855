"""Keys of venues: from the environment, never from settings, never in a message.

Public history needs none. Where they are set, a venue counts our requests against the account.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

_PREFIX = {"binance": "BINANCE", "binanceusdm": "BINANCE", "okx": "OKX", "bybit": "BYBIT"}


@dataclass(frozen=True)
class Credentials:
    """Key, secret and, for OKX, passphrase; empty where the environment says nothing."""

    key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown."""
        return tuple(text for text in (self.key, self.secret, self.passphrase) if text)


def variables(venue: str) -> tuple[str, str, str]:
    """Names of the environment variables of `venue`."""
    prefix = _PREFIX[venue]
    return f"{prefix}_API_KEY", f"{prefix}_API_SECRET", f"{prefix}_API_PASSPHRASE"


def credentials(venue: str, environ: Mapping[str, str]) -> Credentials:
    """The venue's credentials in `environ`, usually `os.environ`."""
    return Credentials(*(environ.get(name, "").strip() for name in variables(venue)))
