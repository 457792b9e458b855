"""Vendor files, broken at random: `python -m tests.ingest.fuzz --files 100000 [--seed 0]`.

Each file starts as a good delivery of one of four shapes and is mutated one to four times. Whatever
comes of it: reading never fails; a line that was not touched is still a raw bar with its values; every
other line is a raw bar or in quarantine, once; and what cleaning publishes keeps its contract. The
exact way of reading gives the same as the fast one.
"""

import argparse
import datetime as dt
import gzip
import io
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from tests.markets.building import build_market
from tradepipe.bars import clean_bars
from tradepipe.contracts import BARS, QUARANTINE, RAW_BARS, validate
from tradepipe.ingest import raw_bars, read_files, scan
from tradepipe.settings.sources import FileSource

BATCH = 250
NUMBERS = ("open", "high", "low", "close", "volume")
# Unicode's white space; Python counts four separators of ASCII too, which are content here.
WHITE = "".join(chr(code) for code in range(0x3001) if chr(code).isspace() and not 0x1C <= code <= 0x1F)
HEADER = b"Symbol,Date,Open,High,Low,Close,Volume,Note"
WORDS = [
    b"null",
    b"NaN",
    b"N/A",
    b"inf",
    b"-",
    b"",
    b"1e999",
    b"0",
    b"-1",
    b"abc",
    b"1,5",
    b'"',
    b"\xc3\xa9",
    b"9" * 40,
]


@dataclass
class Line:
    """A line of a delivery. `bar` is what it says, None once it was touched; `blank` is no line that counts."""

    text: bytes
    bar: tuple | None = None


@dataclass
class Delivery:
    """A file to be: header and lines. `spoiled` where the file as a whole may be refused."""

    header: bytes | None
    lines: list[Line]
    ending: bytes = b"\n"
    prefix: bytes = b""
    spoiled: bool = False
    packed: Callable[[bytes], bytes] | None = None
    suffix: str = ".csv"
    done: list[str] = field(default_factory=list)

    def body(self) -> bytes:
        head = [] if self.header is None else [self.header]
        return self.prefix + self.ending.join([*head, *(line.text for line in self.lines)])

    @property
    def may_be_refused(self) -> bool:
        """Whether the file as a whole may be refused; also where bytes of a letter were parted."""
        try:
            self.body().decode()
        except UnicodeDecodeError:
            return True
        return self.spoiled

    def content(self) -> bytes:
        return self.body() if self.packed is None else self.packed(self.body())


@dataclass(frozen=True)
class Shape:
    """How a vendor writes: the market that reads it, and the text of a good row."""

    name: str
    market: object
    header: bytes | None
    times: list
    row: Callable[[str, object, tuple], bytes]


def shapes():
    """Daily by column, daily with offsets, minutes, and a table without a header."""
    daily = build_market(source=FileSource(pattern="*", symbol_column="Symbol"))
    yahoo = build_market(
        calendar="XTKS",
        source=FileSource(
            pattern="*",
            symbol_column="Symbol",
            time_format="%Y-%m-%d %H:%M:%S%z",
            columns=_columns() | {"adjusted_close": "Note"},
        ),
    )
    minutes = build_market(
        calendar="24/7",
        interval="1m",
        partition="session",
        source=FileSource(pattern="*", symbol_column="Symbol", time_format="%Y-%m-%dT%H:%M:%SZ"),
    )
    bare = build_market(
        source=FileSource(
            pattern="*",
            header=tuple(HEADER.decode().split(",")),
            symbol_column="Symbol",
            time_format="%Y%m%d %H:%M",
            price_scale=0.01,
        )
    )
    days = daily.calendar.sessions(dt.date(2010, 1, 1), dt.date(2018, 12, 31))
    tokyo = yahoo.calendar.sessions(dt.date(2010, 1, 1), dt.date(2018, 12, 31))
    start = dt.datetime(2018, 3, 11, tzinfo=dt.UTC)
    stamps = [start + dt.timedelta(minutes=n) for n in range(3000)]

    def row(stamp, note):
        return lambda symbol, at, bar: (
            f"{symbol},{at.strftime(stamp)},{','.join(str(number) for number in bar)},{note}".encode()
        )

    return [
        Shape("daily", daily, HEADER, days, row("%Y-%m-%d", "fine")),
        Shape("offsets", yahoo, HEADER, tokyo, row("%Y-%m-%d 00:00:00+09:00", "17.5")),
        Shape("minutes", minutes, HEADER, stamps, row("%Y-%m-%dT%H:%M:%SZ", "")),
        Shape("bare", bare, None, days, row("%Y%m%d 00:00", "x")),
    ]


def _columns():
    return {name: name.capitalize() for name in NUMBERS}


def delivery(shape: Shape, rng: random.Random) -> Delivery:
    """A good delivery of two to fourteen rows."""
    lines = []
    for at in rng.sample(shape.times, rng.randint(2, 14)):
        symbol = rng.choice(["SPX", "IXIC"])
        low = rng.randint(1, 10_000)
        body = [low + rng.randint(0, 50) for _ in range(2)]
        numbers = (body[0], max(body) + rng.randint(0, 9), low, body[1], rng.randint(0, 10**9))
        text = shape.row(symbol, at, numbers)
        scale = 100.0 if shape.name == "bare" else 1.0
        lines.append(Line(text, (symbol, at, *[number / scale for number in numbers[:4]], float(numbers[4]))))
    return Delivery(shape.header, lines)


def _touch(made: Delivery, rng: random.Random) -> Line:
    line = rng.choice(made.lines)
    line.bar = None
    return line


def flip(made, rng):
    line = _touch(made, rng)
    at = rng.randrange(max(len(line.text), 1))
    line.text = line.text[:at] + bytes([rng.randrange(128)]) + line.text[at + 1 :]


def insert(made, rng):
    line = _touch(made, rng)
    at = rng.randint(0, len(line.text))
    line.text = (
        line.text[:at]
        + rng.choice([b"\x00", b'"', b",", b" ", b"\t", b"\n", b"\r", b"'", b";", b"\xe2\x80\xa8"])
        + line.text[at:]
    )


def delete(made, rng):
    line = _touch(made, rng)
    at, size = rng.randint(0, len(line.text)), rng.choice([1, 1, 2, 5, 50])
    line.text = line.text[:at] + line.text[at + size :]


def cut(made, rng):
    keep = rng.randint(0, len(made.lines) - 1)
    line = made.lines[keep]
    line.bar, line.text = None, line.text[: rng.randint(0, len(line.text))]
    made.lines = made.lines[: keep + 1]


def duplicate(made, rng):
    line = rng.choice(made.lines)
    for _ in range(rng.choice([1, 1, 3])):
        made.lines.insert(rng.randint(0, len(made.lines)), Line(line.text, line.bar))


def shuffle(made, rng):
    rng.shuffle(made.lines)


def swap_fields(made, rng):
    line = _touch(made, rng)
    fields = line.text.split(b",")
    a, b = rng.randrange(len(fields)), rng.randrange(len(fields))
    fields[a], fields[b] = fields[b], fields[a]
    line.text = b",".join(fields)


def say(made, rng):
    line = _touch(made, rng)
    fields = line.text.split(b",")
    fields[rng.randrange(len(fields))] = rng.choice(WORDS)
    line.text = b",".join(fields)


def quote(made, rng):
    line = _touch(made, rng)
    fields = line.text.split(b",")
    at = rng.randrange(len(fields))
    fields[at] = rng.choice([b'"%s"', b'"%s', b'%s"', b'"%s"x', b'"a, %s"', b'"a\n%s"', b'"a\n\nb"", %s"']) % fields[at]
    line.text = b",".join(fields)


def open_quotes(made, rng):
    """Two lines that by the letter of the format make one, with all between."""
    for mark in (b'"%s', b'%s"'):
        line = _touch(made, rng)
        head, _, tail = line.text.rpartition(b",")
        line.text = head + b"," + mark % tail


def ragged(made, rng):
    line = _touch(made, rng)
    fields = line.text.split(b",")
    line.text = b",".join(
        rng.choice([fields[: rng.randint(1, len(fields))], [*fields, b"7"], fields * 2, fields + [b""] * 300])
    )


def blank(made, rng):
    for _ in range(rng.randint(1, 3)):
        made.lines.insert(rng.randint(0, len(made.lines)), Line(rng.choice([b"", b"  ", b"\t", b"\xc2\xa0"])))


def repeat_header(made, rng):
    made.lines.insert(rng.randint(0, len(made.lines)), Line(made.header or HEADER))


def huge(made, rng):
    line = _touch(made, rng)
    fields = line.text.split(b",")
    fields[rng.randrange(len(fields))] = rng.choice([b"9", b"x", b'""', b","]) * rng.choice([1_000, 70_000])
    line.text = b",".join(fields)


def noise(made, rng):
    made.lines.insert(
        rng.randint(0, len(made.lines)), Line(bytes(rng.randrange(128) for _ in range(rng.randint(1, 60))))
    )


def carriage(made, _rng):
    made.ending = b"\r\n"


def mark(made, _rng):
    made.prefix = b"\xef\xbb\xbf"


def not_utf8(made, rng):
    line = _touch(made, rng)
    line.text, made.spoiled = line.text + rng.choice([b"\xff", b"\xc3", b"\xed\xa0\x80"]), True


def break_header(made, rng):
    if made.header is not None:
        at = rng.randrange(len(made.header))
        made.header, made.spoiled = made.header[:at] + bytes([rng.randrange(128)]) + made.header[at + 1 :], True


def pack(made, rng):
    made.suffix = ".csv.gz"
    how = rng.choice(["whole", "whole", "cut", "flip", "empty"])
    made.spoiled |= how != "whole"

    def packed(body):
        raw = gzip.compress(body, 1)
        at = rng.randrange(len(raw))
        return {"whole": raw, "cut": raw[:at], "flip": raw[:at] + bytes([raw[at] ^ 255]) + raw[at + 1 :], "empty": b""}[
            how
        ]

    made.packed = packed


def table(made, rng):
    """The rows as Parquet or Feather, with bytes of the file broken."""
    made.suffix, made.spoiled = rng.choice([".parquet", ".feather"]), True

    def packed(_body):
        rows = [line.text.decode(errors="replace").split(",")[:8] for line in made.lines]
        frame = pl.DataFrame(
            [row + [""] * (8 - len(row)) for row in rows], schema=HEADER.decode().split(","), orient="row"
        )
        file = io.BytesIO()
        numbers = frame.with_columns(pl.col("Open", "High", "Low", "Close").cast(pl.Float64, strict=False))
        (numbers.write_parquet if made.suffix == ".parquet" else numbers.write_ipc)(file)
        raw = bytearray(file.getvalue())
        for _ in range(rng.choice([0, 1, 3])):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
        return bytes(raw[: rng.choice([len(raw), rng.randrange(len(raw))])])

    made.packed = packed


OFTEN = [
    flip,
    insert,
    delete,
    cut,
    duplicate,
    shuffle,
    swap_fields,
    say,
    quote,
    open_quotes,
    ragged,
    blank,
    repeat_header,
    noise,
]
SELDOM = [huge, carriage, mark, not_utf8, break_header, pack, table]


def mutated(shape: Shape, seed: int) -> Delivery:
    """Delivery number `seed` of a shape: the same for the same number."""
    rng = random.Random(f"{shape.name} {seed}")  # noqa: S311 - not for secrets
    made = delivery(shape, rng)
    for _ in range(rng.randint(1, 4)):
        how = rng.choice(SELDOM if rng.random() < 0.15 else OFTEN)
        how(made, rng)
        made.done.append(how.__name__)
    return made


def check(shape: Shape, made: dict[str, Delivery], folder: Path) -> Counter:
    """Read the deliveries as one landing folder, and hold the result against what was done to them.

    Raises:
        AssertionError: naming the file and what was done to it.
    """
    for name, one in made.items():
        (folder / name).write_bytes(one.content())
    files = scan(folder, "*")
    raw = raw_bars(files, shape.market)
    exact = read_files(files, shape.market.settings.source, shape.market, exact=True)
    assert raw.rows.equals(exact.rows), "the exact way gives other rows"
    assert raw.refused.equals(exact.refused), "the exact way refuses otherwise"
    validate(RAW_BARS.arrange(raw.rows), RAW_BARS, market="fuzz", layer="raw_bars", partition="-")
    validate(raw.refused, QUARANTINE, market="fuzz", layer="raw_bars", partition="-")
    cleaned = clean_bars(raw.rows, shape.market)
    validate(BARS.arrange(cleaned.bars), BARS, market="fuzz", layer="bars", partition="-")
    assert cleaned.bars.height + cleaned.refused.height == raw.rows.height, "cleaning lost rows"
    time_column = "open_time" if shape.name == "minutes" else "session"
    kept = raw.rows.select("file", "line", "symbol", time_column, *NUMBERS)
    bars = {name: Counter() for name in made}
    lines = {name: Counter() for name in made}
    for name, line, *bar in kept.rows():
        bars[name][tuple(bar)] += 1
        lines[name][line] += 1
    for name, line in raw.refused.select("file", "line").rows():
        lines[name][line] += 1
    for name, one in made.items():
        _check_file(name, one, bars[name], lines[name])
    return Counter(raw.refused["reason"]) + Counter(bars=cleaned.bars.height, raw=raw.rows.height)


def _check_file(name: str, made: Delivery, bars: Counter, lines: Counter) -> None:
    where = f"{name}: {', '.join(made.done)}: {made.body()[:2000]!r}"
    assert all(count == 1 for count in lines.values()), f"a line counts twice, {where}"
    if made.suffix in {".parquet", ".feather"}:
        return
    if 0 in lines:
        assert not bars, f"refused as a whole, and yet read: {where}"
        has_rows = any(line.text.strip() and line.text.decode(errors="replace").strip() for line in made.lines)
        assert made.may_be_refused or not has_rows, f"refused as a whole: {where}"
        return
    wanted = Counter(line.bar for line in made.lines if line.bar is not None)
    if "break_header" in made.done:
        return  # the header may now give columns another name, or be two lines
    assert not wanted - bars, f"a good row is lost: {where}\n{wanted - bars}"
    text = made.body().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    first = 0 if made.header is None else 1
    there = {number for number, line in enumerate(text, start=1) if number > first and line.strip(WHITE)}
    assert set(lines) <= there, f"a line that is not there: {where}"
    # Only a record with line breaks in its quotes holds more than one line.
    for number in there - set(lines):
        before = max(kept for kept in lines if kept < number)
        assert '"' in text[before - 1], f"line {number} is lost: {where}"


def run(files: int, seed: int = 0, report: Callable[[int, Counter], None] = lambda _done, _found: None) -> Counter:
    """Check `files` mutated files, and count what came of their lines.

    Raises:
        AssertionError: naming the first file that breaks a promise, alone.
    """
    found, done = Counter(), 0
    kinds = shapes()
    while done < files:
        shape = kinds[(done // BATCH) % len(kinds)]
        numbers = range(seed + done, seed + min(done + BATCH, files))
        made = {f"{number}{one.suffix}": one for number in numbers for one in [mutated(shape, number)]}
        with tempfile.TemporaryDirectory() as folder:
            try:
                found += check(shape, made, Path(folder))
            except BaseException as error:
                _alone(shape, numbers)
                raise AssertionError(f"{shape.name} {numbers}: only together: {error}") from error
        done += len(made)
        report(done, found)
    return found


def _alone(shape: Shape, numbers: range) -> None:
    for number in numbers:
        one = mutated(shape, number)
        with tempfile.TemporaryDirectory() as folder:
            try:
                check(shape, {f"{number}{one.suffix}": one}, Path(folder))
            except BaseException as error:
                raise AssertionError(
                    f"{shape.name} {number} ({', '.join(one.done)}): {error!r}\n{one.body()[:3000]!r}"
                ) from error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    started = time.process_time()

    def report(done: int, found: Counter) -> None:
        if done % 10_000 < BATCH or done == asked.files:
            print(f"{done} files, {time.process_time() - started:.0f} CPU-s, {dict(found)}", flush=True)  # noqa: T201

    run(asked.files, asked.seed, report)


if __name__ == "__main__":
    main()
