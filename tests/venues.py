"""Fake venues: real HTTP servers on a socket that answer in the dialects of Binance, OKX and Bybit.

They hold bars, funding, open interest and books as text, answer by the venues' own rules of paging and order, count
what they are asked, and fail on demand. `fake_venue` in tests/ingest_sources/conftest.py starts them.
"""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

HOUR = 3_600_000
NO_DATA = ("exchangeInfo", "/instruments", "instruments-info", "time")
TOO_OLD = {"code": -1130, "msg": "parameter 'startTime' is invalid."}  # of Binance
START_TIMEOUT = 30.0  # seconds

Bar = list  # [epoch ms, open, high, low, close, volume], all but the first as text


@dataclass
class Fault:
    """What happens instead of an answer, to how many of the requests that match."""

    kind: str  # a status, "slow", "truncated", "broken", "reset", "skew", "poison", "html"
    times: int | None = 1
    path: str = ""
    symbol: str | None = None
    retry_after: float | None = None
    body: object = None

    def matches(self, path: str, query: Mapping[str, str]) -> bool:
        asked = query.get("symbol") or query.get("instId")
        return self.times != 0 and self.path in path and self.symbol in (None, asked)


@dataclass
class FakeVenue:
    """One venue: what it knows, and what it was asked. `now` gives its time in epoch milliseconds."""

    name: str
    listed: dict[str, str]  # the venue's id -> base currency
    now: Callable[[], int] = lambda: int(time.time() * 1000)
    created: int = 0
    bars: dict[tuple[str, str], list[Bar]] = field(default_factory=dict)  # (id, "bars" or "mark")
    funding: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    interest: dict[str, list[tuple[int, str]]] = field(default_factory=dict)  # what is open at a time, in base units
    books: dict[str, dict] = field(default_factory=dict)
    instruments: dict[str, object] = field(default_factory=dict)  # recorded answers, by path and kind
    latency: float = 0.0
    gather: int = 0  # requests for data are held until so many wait at once, or 20 s have passed
    faults: list[Fault] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    connections: set = field(default_factory=set)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    # -- what tests look at ------------------------------------------------------------------

    def data_requests(self) -> list[tuple[str, dict[str, str]]]:
        """Requests for data, without those for instruments and time."""
        return [(path, query) for path, query in self.asked if not path.endswith(NO_DATA)]

    def forget(self) -> None:
        self.asked.clear()
        self.headers.clear()
        self.connections.clear()
        self.most_at_once = 0

    def fail(self, kind: str, **more) -> Fault:
        self.faults.append(Fault(kind, **more))
        return self.faults[-1]

    # -- the server --------------------------------------------------------------------------

    def start(self) -> None:
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True, name=f"fake {self.name}")
        self._thread.start()
        assert started.wait(START_TIMEOUT)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join()

    def _run(self, started: threading.Event) -> None:
        async def serve() -> None:
            self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
            self._gathered = asyncio.Event()
            app = web.Application()
            app.router.add_get("/{path:.*}", self._answer)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
            started.set()
            await self._done.wait()
            await runner.cleanup()

        asyncio.run(serve())

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path, query = request.path, dict(request.query)
        self.asked.append((path, query))
        self.headers.append(dict(request.headers))
        self.connections.add(request.transport.get_extra_info("peername"))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.latency:
                await asyncio.sleep(self.latency)
            if self.gather and self.at_once >= self.gather:
                self._gathered.set()
            if self.gather and not path.endswith(NO_DATA):
                await asyncio.wait_for(self._gathered.wait(), 20)
            fault = next((one for one in self.faults if one.matches(path, query)), None)
            if fault is not None:
                if fault.times is not None:
                    fault.times -= 1
                return await self._failed(request, fault)
            answer = DIALECTS[self.name](self, path, query)
            status = 400 if answer in (None, TOO_OLD) else 200
            return web.json_response(
                {"code": -1121, "msg": "Invalid symbol."} if answer is None else answer, status=status
            )
        finally:
            self.at_once -= 1

    async def _failed(self, request: web.Request, fault: Fault) -> web.StreamResponse:  # noqa: PLR0911
        headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        if fault.kind.isdigit():
            many = fault.kind in ("429", "418")
            said = {"code": -1003, "msg": "Too much request weight used"} if many else {"code": -1001, "msg": "Down"}
            body = fault.body or said
            return web.json_response(body, status=int(fault.kind), headers=headers)
        if fault.kind == "html":
            return web.Response(text="<html>502 Bad Gateway</html>", status=502, content_type="text/html")
        if fault.kind == "skew":
            said = {
                "binance": (400, {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."})
            }
            said |= {"okx": (401, {"code": "50102", "msg": "Timestamp request expired"})}
            said |= {
                "bybit": (200, {"retCode": 10002, "retMsg": "invalid request, please check your server timestamp"})
            }
            status, body = said[self.name.removesuffix("usdm")]
            return web.json_response(body, status=status)
        if fault.kind == "poison":
            return web.json_response(fault.body)
        if fault.kind == "slow":
            await asyncio.sleep(fault.retry_after or 5.0)
            return web.json_response([])
        whole = json.dumps(DIALECTS[self.name](self, request.path, dict(request.query))).encode()
        if fault.kind == "broken":  # half an answer that claims to be whole
            return web.Response(body=whole[: len(whole) // 2], content_type="application/json")
        if fault.kind == "truncated":  # half an answer of which more was promised
            response = web.StreamResponse(
                headers={"Content-Length": str(len(whole)), "Content-Type": "application/json"}
            )
            await response.prepare(request)
            await response.write(whole[: len(whole) // 2])
        request.transport.abort()
        return web.Response()


def _rows(rows: list, start: int, stop: int | None, key=lambda row: row[0]) -> list:
    return [row for row in rows if start <= key(row) and (stop is None or key(row) <= stop)]


def _binance(venue: FakeVenue, path: str, query: Mapping[str, str]) -> object:  # noqa: PLR0911 - one an address
    """Oldest first from startTime; without an end, the first rows there are."""
    name, symbol = path.rsplit("/", 1)[-1], query.get("symbol", "")
    if name == "time":
        return {"serverTime": venue.now()}
    if name == "exchangeInfo":
        recorded = venue.instruments.get(path)
        return recorded or {"symbols": [_binance_instrument(one, base, path) for one, base in venue.listed.items()]}
    if symbol not in venue.listed:
        return None
    start, stop = int(query.get("startTime", 0)), int(query["endTime"]) if "endTime" in query else None
    limit = int(query.get("limit", 500))
    if name in ("klines", "markPriceKlines"):
        rows = _rows(venue.bars.get((symbol, "mark" if "mark" in name else "bars"), []), start, stop)[:limit]
        return [row if len(row) > 6 else [*row, row[0] + HOUR - 1, "0", 1, "0", "0", "0"] for row in rows]
    if name == "fundingRate":
        rows = _rows(venue.funding.get(symbol, []), start, stop)[:limit]
        return [{"symbol": symbol, "fundingRate": rate, "fundingTime": at, "markPrice": ""} for at, rate in rows]
    if name == "openInterestHist":
        assert query["period"] in ("5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d")
        assert limit <= 500
        if start < venue.now() - 30 * 24 * HOUR:
            return TOO_OLD
        rows = _rows(_counted(venue, symbol, query["period"]), start, stop)[:limit]
        told = {"symbol": symbol, "sumOpenInterestValue": "1.00000000"}
        return [told | {"sumOpenInterest": amount, "timestamp": at} for at, amount in rows]
    return venue.books.get(symbol) if name == "depth" else None


def _counted(venue: FakeVenue, symbol: str, period: str) -> list[tuple[int, str]]:
    """Open interest as counted at the full periods that have come, oldest first."""
    unit = {"m": HOUR // 60, "h": HOUR, "d": 24 * HOUR}[period.lower().removesuffix("in")[-1]]
    step = int(period.lower().removesuffix("in")[:-1]) * unit
    return [(at, amount) for at, amount in venue.interest.get(symbol, []) if at % step == 0 and at <= venue.now()]


def _binance_instrument(symbol: str, base: str, path: str) -> dict:
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
    ]
    told = {"symbol": symbol, "status": "TRADING", "baseAsset": base, "quoteAsset": "USDT", "filters": filters}
    if path.startswith("/fapi"):
        return told | {"contractType": "PERPETUAL", "marginAsset": "USDT", "pair": symbol, "onboardDate": 0}
    return told | {"isSpotTradingAllowed": True, "permissions": ["SPOT"], "isMarginTradingAllowed": False}


def _okx(venue: FakeVenue, path: str, query: Mapping[str, str]) -> object:  # noqa: PLR0911 - one an address
    """Newest first; `after` is before and `before` is after the time given; code 0 is good."""
    name, symbol = path.rsplit("/", 1)[-1], query.get("instId", "")
    if name == "time":
        return {"code": "0", "msg": "", "data": [{"ts": str(venue.now())}]}
    if name == "instruments":
        recorded = venue.instruments.get(query["instType"])
        kinds = {"SPOT": False, "SWAP": True}
        listed = [(one, base) for one, base in venue.listed.items() if one.endswith("SWAP") == kinds[query["instType"]]]
        return recorded or {
            "code": "0",
            "msg": "",
            "data": [_okx_instrument(one, base, venue.created) for one, base in listed],
        }
    if symbol not in venue.listed:
        return {"code": "51001", "msg": "Instrument ID doesn't exist", "data": []}
    # Exclusive on both sides.
    start = int(query.get("before", -1)) + 1
    stop = int(query["after"]) - 1 if "after" in query else None
    limit = int(query.get("limit", 100))
    if name in ("candles", "history-candles", "mark-price-candles", "history-mark-price-candles"):
        rows = _rows(venue.bars.get((symbol, "mark" if "mark" in name else "bars"), []), start, stop)[::-1][:limit]
        return {"code": "0", "msg": "", "data": [[str(row[0]), *row[1:5], "0", row[5], "0", "1"] for row in rows]}
    if name == "funding-rate-history":
        rows = _rows(venue.funding.get(symbol, []), start, stop)[::-1][:limit]
        kind = {"instId": symbol, "instType": "SWAP", "method": "current_period"}
        return {
            "code": "0",
            "msg": "",
            "data": [kind | {"fundingRate": rate, "realizedRate": rate, "fundingTime": str(at)} for at, rate in rows],
        }
    if name == "open-interest-history":  # exclusive too; a contract is a tenth of a coin here
        assert query["period"] in ("5m", "1H", "1D")
        start, stop = int(query.get("begin", -1)) + 1, int(query["end"]) - 1 if "end" in query else None
        rows = _rows(_counted(venue, symbol, query["period"]), start, stop)[::-1][: min(limit, 100)]
        return {"code": "0", "msg": "", "data": [[str(at), f"{float(one) * 10}", one, "1.0"] for at, one in rows]}
    return {"code": "0", "msg": "", "data": [venue.books[symbol]]} if name == "books" else None


def _okx_instrument(symbol: str, base: str, created: int) -> dict:
    told = {
        "instId": symbol,
        "listTime": str(created or ""),
        "lotSz": "0.001",
        "minSz": "0.001",
        "tickSz": "0.01",
        "state": "live",
    }
    if symbol.endswith("SWAP"):
        contract = {"ctType": "linear", "ctVal": "1", "ctMult": "1", "ctValCcy": base, "settleCcy": "USDT"}
        return (
            told
            | contract
            | {"instType": "SWAP", "uly": f"{base}-USDT", "instFamily": f"{base}-USDT", "baseCcy": "", "quoteCcy": ""}
        )
    return told | {"instType": "SPOT", "baseCcy": base, "quoteCcy": "USDT"}


def _bybit(venue: FakeVenue, path: str, query: Mapping[str, str]) -> object:  # noqa: PLR0911 - one an address
    """Newest first of what lies between start and end; retCode 0 is good."""
    name, symbol = path.rsplit("/", 1)[-1], query.get("symbol", "")

    def said(result: object) -> dict:
        return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": venue.now()}

    if name == "time":
        return said({"timeSecond": str(venue.now() // 1000), "timeNano": str(venue.now() * 1_000_000)})
    if name == "instruments-info":
        listed = (
            [_bybit_instrument(*one, venue.created) for one in venue.listed.items()]
            if query["category"] == "linear"
            else []
        )
        return venue.instruments.get(query["category"]) or said(
            {"category": query["category"], "list": listed, "nextPageCursor": ""}
        )
    if symbol not in venue.listed:
        return {
            "retCode": 10001,
            "retMsg": "params error: Symbol Is Invalid",
            "result": {},
            "retExtInfo": {},
            "time": venue.now(),
        }
    limit = int(query.get("limit", 200))
    if name in ("kline", "mark-price-kline"):
        rows = venue.bars.get((symbol, "mark" if "mark" in name else "bars"), [])
        rows = _rows(rows, int(query.get("start", 0)), int(query["end"]) if "end" in query else None)[::-1][:limit]
        width = 5 if "mark" in name else 6
        return said(
            {
                "symbol": symbol,
                "category": "linear",
                "list": [[str(row[0]), *row[1:width], *(["0"] * (width == 6))] for row in rows],
            }
        )
    if path.endswith("funding/history"):
        rows = _rows(venue.funding.get(symbol, []), int(query.get("startTime", 0)), int(query["endTime"]))[::-1][:limit]
        return said(
            {
                "category": "linear",
                "list": [{"symbol": symbol, "fundingRate": rate, "fundingRateTimestamp": str(at)} for at, rate in rows],
            }
        )
    if name == "open-interest":  # a start alone is not heeded
        assert query["intervalTime"] in ("5min", "15min", "30min", "1h", "4h", "1d")
        start = int(query.get("startTime", 0)) if "endTime" in query else 0
        stop = int(query["endTime"]) if "endTime" in query else None
        rows = _rows(_counted(venue, symbol, query["intervalTime"]), start, stop)[::-1][: min(limit, 200)]
        told = [{"openInterest": amount, "timestamp": str(at)} for at, amount in rows]
        return said({"symbol": symbol, "category": "linear", "list": told, "nextPageCursor": ""})
    return said(venue.books[symbol]) if name == "orderbook" else None


def _bybit_instrument(symbol: str, base: str, created: int) -> dict:
    return {
        "symbol": symbol, "contractType": "LinearPerpetual", "status": "Trading", "baseCoin": base, "quoteCoin": "USDT",
        "settleCoin": "USDT", "launchTime": str(created), "deliveryTime": "0", "priceScale": "2",
        "fundingInterval": 480,
        "priceFilter": {"minPrice": "0.01", "maxPrice": "1999999", "tickSize": "0.01"},
        "lotSizeFilter": {"maxOrderQty": "100", "minOrderQty": "0.001", "qtyStep": "0.001"},
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100", "leverageStep": "0.01"},
    }  # fmt: skip


DIALECTS = {"binance": _binance, "binanceusdm": _binance, "okx": _okx, "bybit": _bybit}
IDS = {"binance": "{}USDT", "binanceusdm": "{}USDT", "okx": "{}-USDT-SWAP", "bybit": "{}USDT"}
UNIFIED = {"binance": "{}/USDT", "binanceusdm": "{}/USDT:USDT", "okx": "{}/USDT:USDT", "bybit": "{}/USDT:USDT"}


def hourly(count: int, start: int, seed: int = 0) -> list[Bar]:
    """Bars as a venue writes them, trailing zeros and all."""
    rows = []
    for number in range(count):
        price = 100 + (seed * 7 + number * 13) % 50
        texts = [f"{price}.10", f"{price + 2}.50", f"{price - 3}.00", f"{price + 1}.20", f"{1000 + number}.00000000"]
        rows.append([start + number * HOUR, *texts])
    return rows


def asked_symbols(venue: FakeVenue) -> Counter:
    """How often data of each symbol was asked for."""
    return Counter(query.get("symbol") or query.get("instId") for _, query in venue.data_requests())
