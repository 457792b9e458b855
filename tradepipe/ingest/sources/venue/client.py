"""One venue through ccxt: one session, one pace, and every request retried as its fault allows."""

import json
import logging
import threading
import urllib.parse
from collections.abc import Callable
from typing import Any, Self, TypeVar

from tradepipe.ingest.sources.venue.credentials import Credentials
from tradepipe.ingest.sources.venue.faults import (
    Banned,
    LastAnswer,
    Limited,
    Passing,
    Refused,
    RequestFault,
    Skewed,
    TruncatedError,
    fault_of,
    redacted,
)
from tradepipe.ingest.sources.venue.limiter import Limiter, Timing
from tradepipe.settings.sources import FetchSettings

Result = TypeVar("Result")

# What load_markets asks for: a venue's other kinds of instruments cost seconds and are not wanted.
_KINDS = {
    "binance": ["spot"],
    "binanceusdm": ["linear"],
    "okx": ["spot", "swap"],
    "bybit": ["spot", "linear"],
}
_FIRST_WAIT = 0.5  # seconds, doubled with each attempt
HTTP_OK = 200


class Said(float):
    """A number that keeps the text it came as. What is no number is NaN, and keeps its text too."""

    text: str

    def __new__(cls, value: object) -> Self:
        text = str(value)
        try:
            said = super().__new__(cls, text)
        except ValueError:
            said = super().__new__(cls, "nan")
        said.text = text
        return said


class Client:
    """Asks a venue. Threads share it; `exchange` is ccxt's object, its markets loaded."""

    def __init__(self, fetch: FetchSettings, credentials: Credentials, timing: Timing) -> None:
        self._fetch, self._secrets, self._timing = fetch, credentials.secrets, timing
        self.answer, self._lock = LastAnswer(), threading.Lock()
        self._banned: Banned | None = None
        self._offset = 0.0
        self.exchange = _exchange(fetch, credentials, self.answer)
        self._limiter = _limiter(fetch, self.exchange, timing)
        self.exchange.throttle = self._throttle
        self._ask_time()
        self.ask(self.exchange.load_markets)

    def now(self) -> float:
        """The venue's time, epoch seconds: what is closed there is decided by its clock, not by ours."""
        return self._timing.clock() + self._offset

    def ask(self, call: Callable[..., Result], *args: Any, **more: Any) -> Result:
        """Call a method of `exchange`, again while its faults are passing ones.

        Raises:
            RequestFault: the last fault, when it is not passing or all attempts are used up.
        """
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt  # noqa: PLC0415 - only here

        retrying = Retrying(
            stop=stop_after_attempt(self._fetch.attempts),
            retry=retry_if_exception_type(Passing),
            wait=self._wait,
            sleep=self._timing.sleep,
            reraise=True,
        )
        result: Result = retrying(self._once, call, *args, **more)
        return result

    def close(self) -> None:
        """Close the pooled connections."""
        self.exchange.session.close()

    def _once(self, call: Callable[..., Result], *args: Any, **more: Any) -> Result:
        if self._banned is not None:
            raise self._banned
        self.answer.clear()
        try:
            return call(*args, **more)
        except Exception as error:  # noqa: BLE001 - whatever ccxt makes of a broken answer is sorted here
            fault = fault_of(error, self.answer, self._secrets)
        self._heed(fault)
        raise fault from None  # the original may show a signed address

    def _heed(self, fault: RequestFault) -> None:
        """Do for all threads what this fault asks of all."""
        if isinstance(fault, Limited) and fault.wait is not None:
            if fault.wait > self._fetch.longest_wait.total_seconds():
                self._banned = Banned(f"{fault}; it asks to wait {fault.wait:.0f} s", fault.wait)
                raise self._banned
            self._limiter.pause(fault.wait)
        if isinstance(fault, Skewed):
            self._ask_time()

    def _wait(self, state: Any) -> float:
        """Seconds before the next attempt: what the venue said, else doubling with full jitter."""
        fault = state.outcome.exception()
        if isinstance(fault, RequestFault) and fault.wait is not None:
            return min(fault.wait, self._fetch.longest_wait.total_seconds())
        widest = min(_FIRST_WAIT * 2 ** (state.attempt_number - 1), self._fetch.longest_wait.total_seconds())
        return float(widest) * self._timing.chance()

    def _ask_time(self) -> None:
        """Measure how far the venue's clock is from ours, at the middle of the request."""
        if not self._lock.acquire(blocking=False):
            return  # another thread is at it, or this one is
        try:
            sent, asked = self._timing.clock(), self.ask(self.exchange.fetch_time)
            if not isinstance(asked, int):
                raise Refused(f"the venue's time is expected, found {redacted(repr(self.answer.json), self._secrets)}")
            self._offset = asked / 1000 - (sent + self._timing.clock()) / 2
            self.exchange.options["timeDifference"] = round(-self._offset * 1000)
        finally:
            self._lock.release()

    def _throttle(self, cost: float | None = None) -> None:
        self._limiter.acquire(1.0 if cost is None or self._fetch.requests_per_second else cost)


def _exchange(fetch: FetchSettings, credentials: Credentials, answer: LastAnswer) -> Any:
    import ccxt  # noqa: PLC0415 - two CPU seconds
    import requests.adapters  # noqa: PLC0415

    venue = str(fetch.venue)
    exchange: Any = getattr(ccxt, venue)(
        {
            "apiKey": credentials.key,
            "secret": credentials.secret,
            "password": credentials.passphrase,
            "timeout": int(fetch.timeout.total_seconds() * 1000),
            "enableRateLimit": True,
            "maxRetriesOnFailure": 0,
            "options": {"fetchMarkets": {"types": _KINDS[venue]}, "fetchMargins": False},
        }
    )
    exchange.has["fetchCurrencies"] = False
    exchange.number = Said
    exchange.parse_order_book_bid_ask = lambda level, *_keys: [Said(level[0]), Said(level[1])]
    # ccxt makes these numbers twice over, and takes only its own for numbers the second time.
    exchange.safe_open_interest = lambda said, market=None: said | {"symbol": (market or said)["symbol"]}
    # ccxt leaves out what it cannot read; here that is a fault, found by those who ask for rows.
    exchange.parse_ohlcvs = lambda rows, market=None, *_more: [exchange.parse_ohlcv(row, market) for row in rows]
    exchange.parse_json = lambda text: _parsed(text, answer)
    # ccxt writes requests with their signatures at DEBUG.
    exchange.logger = logging.getLogger("tradepipe.silent")
    exchange.logger.disabled = True
    adapter = requests.adapters.HTTPAdapter(pool_connections=4, pool_maxsize=fetch.workers, pool_block=True)
    for scheme in ("https://", "http://"):
        exchange.session.mount(scheme, adapter)
    exchange.session.hooks["response"].append(answer.take)
    if fetch.url is not None:
        exchange.urls["api"] = _moved(exchange.urls["api"], fetch.url, str(exchange.hostname or ""))
    return exchange


def _parsed(text: str, answer: LastAnswer) -> Any:
    """An answer's JSON, numbers as the text they are. ccxt passes broken JSON on as text; here it is a fault."""
    try:
        answer.json = json.loads(text, parse_float=str)
    except ValueError as error:
        if answer.status == HTTP_OK:
            raise TruncatedError(f"{len(text)} characters, no JSON") from error
        answer.json = None
    return answer.json


def _moved(address: Any, url: str, hostname: str) -> Any:
    """All addresses of an API at another server, paths kept."""
    if isinstance(address, dict):
        return {name: _moved(inner, url, hostname) for name, inner in address.items()}
    if not isinstance(address, str):
        return address
    server = urllib.parse.urlsplit(url)
    old = urllib.parse.urlsplit(address.replace("{hostname}", hostname))
    return urllib.parse.urlunsplit((server.scheme, server.netloc, server.path.rstrip("/") + old.path, "", ""))


def _limiter(fetch: FetchSettings, exchange: Any, timing: Timing) -> Limiter:
    # ccxt's `rateLimit` is milliseconds a unit of cost; its methods know their costs.
    per_second = fetch.requests_per_second or 1000.0 / exchange.rateLimit
    return Limiter(per_second, timing, burst=float(fetch.workers))
