"""Properties of the store and of the content hash, for arbitrary frames."""

import datetime as dt
import itertools
import shutil
import tempfile
import uuid
from pathlib import Path

import polars as pl
import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.store.samples import DATASET, SMALL, small
from tests.store.workers import GRACE
from tradepipe.store import DatasetNotFound, Input, PartitionStore
from tradepipe.store.content import content_hash, inputs_digest

INSTANTS = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1)).map(lambda at: at.replace(tzinfo=dt.UTC))  # noqa: DTZ001
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
ROWS = st.fixed_dictionaries(
    {
        "symbol": TEXT,
        "at": INSTANTS,
        "session": st.dates(dt.date(1900, 1, 1), dt.date(2200, 1, 1)),
        "value": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "count": st.integers(0, 2**31 - 1).filter(lambda count: count != 13),
        "amount": st.none() | st.decimals(-(10**20), 10**20, places=8),
        "flag": st.none() | st.booleans(),
        "note": st.none() | TEXT,
        "known_at": INSTANTS,
    }
)
FRAMES = st.lists(ROWS, max_size=12, unique_by=lambda row: (row["symbol"], row["at"])).map(
    lambda rows: pl.DataFrame(rows, schema=SMALL.polars_schema)
)
GOLDEN = "ddc74f3f401883a49ceed670b7ac3fe6f1a7938fb2a6743466699e621eafca57"
KEYS = st.sampled_from(["2024-01", "2024-02", "2024-03"])
FEWER = settings(max_examples=min(40, settings().max_examples))  # frames are slow to draw


def in_pieces(frame, cuts):
    """The same rows, in chunks that start at `cuts`."""
    edges = sorted({0, frame.height, *(cut % (frame.height + 1) for cut in cuts)})
    pieces = [frame.slice(left, right - left) for left, right in itertools.pairwise(edges)]
    return pl.concat(pieces, rechunk=False) if pieces else frame


@FEWER
@given(frame=FRAMES, cuts=st.lists(st.integers(0, 20), max_size=4))
def test_the_content_hash_does_not_see_chunks(frame, cuts):
    assert content_hash(in_pieces(frame, cuts)) == content_hash(frame.rechunk())


@FEWER
@given(frame=FRAMES)
def test_the_content_hash_does_not_see_what_lies_beneath_nulls_or_beside_rows(frame):
    hidden = frame.with_columns(
        pl.when(pl.col(name).is_not_null()).then(pl.col(name).fill_null(strategy="zero")).alias(name)
        for name in ("value", "amount")
    )
    between = pl.concat([frame, frame.with_columns(symbol=pl.col("symbol") + "!")]).sort("symbol", maintain_order=True)
    filtered = between.filter(~pl.col("symbol").str.ends_with("!"))
    assert hidden.equals(frame)
    assert content_hash(hidden) == content_hash(frame)
    assert content_hash(filtered) == content_hash(frame.filter(~pl.col("symbol").str.ends_with("!")).sort("symbol"))


@FEWER
@given(first=FRAMES, second=FRAMES)
def test_the_content_hash_tells_frames_apart(first, second):
    # equals() takes -0.0 for 0.0, the hash does not: compare by what is written.
    same = first.equals(second) and str(first["value"].to_list()) == str(second["value"].to_list())
    assert (content_hash(first) == content_hash(second)) == same


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"a": ["ab", "c"]}, {"a": ["a", "bc"]}),
        ({"a": [None, ""]}, {"a": ["", None]}),
        ({"a": [0, None]}, {"a": [0, 0]}),
        ({"a": [1]}, {"b": [1]}),
        ({"a": [1]}, {"a": [1.0]}),
        ({"a": [0.0]}, {"a": [-0.0]}),
        ({"a": [1, 1]}, {"a": [1]}),
        ({"a": [True]}, {"a": [1]}),
        ({"a": ["x"], "b": [""]}, {"a": [""], "b": ["x"]}),
    ],
)
def test_near_misses_have_different_hashes(left, right):
    assert content_hash(pl.DataFrame(left)) != content_hash(pl.DataFrame(right))


def test_the_content_hash_is_the_same_on_every_machine_and_day():
    # A change here makes every published partition stale: never by accident.
    assert content_hash(small()) == GOLDEN


@pytest.mark.parametrize("values", [[[1]], [{"a": 1}], pl.Series(["x"], dtype=pl.Categorical)])
def test_what_no_contract_has_is_refused(values):
    with pytest.raises(TypeError, match=r"column odd: .* has no content hash"):
        content_hash(pl.DataFrame({"odd": values}))


INPUTS = st.lists(
    st.builds(Input, dataset=TEXT, partition=TEXT, content=TEXT, generation=st.none() | st.integers()), max_size=5
)


@given(inputs=INPUTS, seed=st.randoms(use_true_random=False))
def test_the_digest_of_inputs_does_not_see_their_order(inputs, seed):
    shuffled = list(inputs)
    seed.shuffle(shuffled)
    assert inputs_digest(shuffled) == inputs_digest(inputs)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(frame=FRAMES, cuts=st.lists(st.integers(0, 20), max_size=4))
def test_what_is_published_is_what_is_read(store, frame, cuts):
    partition = uuid.uuid4().hex
    published = store.publish(DATASET, {partition: in_pieces(frame, cuts)}, SMALL, code_version="1", inputs={})
    read = store.read(DATASET, [partition])
    assert read.equals(SMALL.arrange(frame))
    assert read.schema == SMALL.polars_schema
    assert content_hash(read) == published[partition].generation.content
    again = store.publish(DATASET, {partition: read}, SMALL, code_version="1", inputs={})
    assert not again[partition].changed


class StoreMachine(RuleBasedStateMachine):
    """The store beside a dictionary: partition -> (rows, code version), and the generations there were."""

    url: str
    """Address of the database; the rows of earlier examples are removed."""

    @initialize()
    def open(self):
        self.folder = Path(tempfile.mkdtemp())
        self.now = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
        url = self.url or f"sqlite:///{self.folder / 'catalogue.sqlite'}"
        engine = PartitionStore.open(self.folder / "store", url, GRACE).catalogue.engine
        self.store = PartitionStore(self.folder / "store", engine, GRACE, clock=lambda: self.now)
        self.current: dict[str, tuple[float, str]] = {}
        self.numbers: dict[str, int] = {}
        self.superseded: dict[str, dt.datetime] = {}

    @rule(values=st.dictionaries(KEYS, st.sampled_from([1.0, 2.0, 3.0]), min_size=1), version=st.sampled_from("ab"))
    def publish(self, values, version):
        frames = {key: small(value=value) for key, value in values.items()}
        before = {key: one.path for key, one in self.store.catalogue.current(DATASET).items()}
        made = self.store.publish(DATASET, frames, SMALL, code_version=version, inputs={})
        for key, value in values.items():
            changed = self.current.get(key) != (value, version)
            assert made[key].changed == changed
            self.numbers[key] = self.numbers.get(key, 0) + changed
            assert made[key].generation.number == self.numbers[key]
            if key in before and made[key].generation.path != before[key]:
                assert self.current[key][0] != value  # equal rows would have shared the file
                self.superseded[before[key]] = self.now
            self.current[key] = (value, version)

    @rule(values=st.dictionaries(KEYS, st.just(1.0), min_size=1))
    def publish_one_broken_frame(self, values):
        frames = {key: small(value=value) for key, value in values.items()}
        frames[max(frames)] = small(count=13)
        with pytest.raises(ValueError, match="unlucky"):
            self.store.publish(DATASET, frames, SMALL, code_version="a", inputs={})

    @rule(hours=st.sampled_from([0.25, 0.5, 1.0, 2.0]))
    def wait(self, hours):
        self.now += dt.timedelta(hours=hours)

    @rule()
    def sweep(self):
        # Files are written by the machine's clock, far from ours: only superseded ones are at stake.
        expected = sorted(path for path, since in self.superseded.items() if since <= self.now - GRACE)
        assert self.store.sweep(self.now) == expected
        for path in expected:
            del self.superseded[path]

    @invariant()
    def the_store_holds_what_the_dictionary_says(self):
        if not self.current:
            with pytest.raises(DatasetNotFound):
                self.store.read(DATASET)
            return
        expected = pl.concat([small(value=value) for _, (value, _) in sorted(self.current.items())])
        assert self.store.read(DATASET).equals(expected)
        assert self.store.latest(DATASET, "B", 3).equals(expected.tail(3))

    @invariant()
    def the_folder_holds_current_and_superseded_files_only(self):
        kept = {one.path for one in self.store.catalogue.current(DATASET).values()} | set(self.superseded)
        found = {path.relative_to(self.store.root).as_posix() for path in self.store.root.rglob("*.parquet*")}
        assert found == kept

    def teardown(self):
        self.store.close()
        shutil.rmtree(self.folder)
        if self.url:
            connection = psycopg2.connect(self.url)
            with connection, connection.cursor() as cursor:
                cursor.execute("TRUNCATE generations, current_generations, generation_inputs CASCADE")
            connection.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_store_behaves_like_a_dictionary(kind, request):
    class Machine(StoreMachine):
        url = request.getfixturevalue("postgres_url") if kind == "postgresql" else ""

    run_state_machine_as_test(
        Machine, settings=settings(max_examples=20 if kind == "sqlite" else 6, stateful_step_count=15, deadline=None)
    )
