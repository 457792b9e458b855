"""What went wrong with a request, told from the response's status and body, not from exception classes."""

import re
import threading
from dataclasses import dataclass
from typing import Any

# The clock of the request lies outside the venue's window: Binance -1021, OKX 50102, Bybit 10002.
_SKEW = re.compile(r'"(?:code|retCode)"\s*:\s*"?(?:-1021|50102|10002)\b')
# Too many requests, said in a body with status 200: OKX 50011 and 50061, Bybit 10006 and 10018, Binance -1003.
_TOO_MANY = re.compile(r'"(?:code|retCode)"\s*:\s*"?(?:50011|50061|10006|10018|-1003)\b')
_SECRETS = re.compile(
    r"(?i)(signature|sign|apikey|api_key|api-key|secret|passphrase|password)([\"']?\s*[=:]\s*[\"']?)[^&\s\"']+"
)
_SHOWN = 200

TOO_MANY_REQUESTS, BANNED, FORBIDDEN = 429, 418, 403


class RequestFault(Exception):  # noqa: N818 - a fault may be retried, it is not yet an error
    """A request failed. `wait` is what the venue told us to wait, in seconds; None: it said nothing."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class Passing(RequestFault):
    """The same request may succeed later: time-out, 5xx, a cut or truncated answer."""


class Limited(Passing):
    """The venue wants fewer requests, from everyone at this address."""


class Skewed(Passing):
    """The venue's clock and ours differ by more than it allows."""


class Refused(RequestFault):
    """The same request will fail again: unknown symbol, malformed answer, no permission."""


class Banned(RequestFault):
    """The venue has shut this address out for longer than we are told to wait."""


class TruncatedError(ValueError):
    """An answer that is no JSON."""


@dataclass
class LastAnswer(threading.local):
    """What the last answer of this thread said, beyond what ccxt's exceptions tell."""

    status: int | None = None
    retry_after: float | None = None
    json: Any = None

    def clear(self) -> None:
        self.status = self.retry_after = self.json = None

    def rows(self) -> list[Any]:
        """The list that is the answer's content, wherever the venue puts it; ccxt takes a missing one for empty.

        Raises:
            Refused: there is none.
        """
        told = self.json
        for key in ("data", "result", "list"):  # OKX: data. Bybit: result.list
            told = told.get(key, told) if isinstance(told, dict) else told
        if not isinstance(told, list):
            raise Refused(f"a list of rows is expected, found {redacted(repr(self.json), ())}")
        return told

    def take(self, response: Any, *_args: Any, **_more: Any) -> None:
        """A hook of requests: called with each response before anybody reads it."""
        self.status = response.status_code
        self.retry_after = _seconds(response.headers.get("Retry-After"))


def fault_of(error: Exception, answer: LastAnswer, secrets: tuple[str, ...] = ()) -> RequestFault:
    """The fault that `error`, raised by ccxt or below, stands for."""
    import ccxt  # noqa: PLC0415 - two CPU seconds
    import requests  # noqa: PLC0415

    if isinstance(error, RequestFault):
        return error
    said, status = redacted(f"{type(error).__name__} {error}", secrets), answer.status
    if status in (TOO_MANY_REQUESTS, BANNED) or _TOO_MANY.search(str(error)):
        return Limited(f"too many requests (HTTP {status}): {said}", answer.retry_after)
    if isinstance(error, ccxt.InvalidNonce) or _SKEW.search(str(error)):
        return Skewed(f"the venue's clock differs from ours: {said}")
    cut = isinstance(error.__cause__, requests.RequestException) and status in (None, 200)
    if cut or (status or 0) >= 500 or isinstance(error, (TruncatedError, ccxt.NetworkError, requests.RequestException)):
        return Passing(f"HTTP {status}: {said}" if status else said, answer.retry_after)
    return Refused(said)


def redacted(text: str, secrets: tuple[str, ...]) -> str:
    """`text` in one line, not long, without credentials and signatures."""
    for secret in secrets:
        text = text.replace(secret, "***")
    line = " ".join(_SECRETS.sub(r"\1\2***", text).split())
    return line if len(line) <= _SHOWN else line[:_SHOWN] + "…"


def _seconds(header: str | None) -> float | None:
    """`Retry-After`: seconds, or a date, which venues do not use and which is left out."""
    try:
        return max(float(header), 0.0) if header else None
    except ValueError:
        return None
