"""Publishing: what becomes a generation, what does not, and who wins."""

import datetime as dt
import hashlib
from dataclasses import replace

import polars as pl
import pytest
import sqlalchemy as sa

from tests.store.samples import DATASET, HOUR, SMALL, START, files, small
from tradepipe.contracts import QUARANTINE, ContractError
from tradepipe.store import Generation, Input, StoreError, tables
from tradepipe.store.content import content_hash

JANUARY, FEBRUARY = "2024-01", "2024-02"
SOURCE = Input("landing/lab", "a.csv", "a" * 64)


def publish(store, frames, *, contract=SMALL, code_version="1", inputs=None, **options):
    return store.publish(DATASET, frames, contract, code_version=code_version, inputs=inputs or {}, **options)


def refusal(line, partition=JANUARY):
    row = {"layer": "small", "partition": partition, "file": "a.csv", "line": line, "symbol": "A"}
    return pl.DataFrame([row | {"reason": "broken", "detail": None, "row": "{}"}], schema=QUARANTINE.polars_schema)


def test_a_generation_says_all_about_its_origin(store):
    frame = small()
    first = publish(store, {FEBRUARY: small(month=2)})[FEBRUARY].generation
    inputs = {JANUARY: [Input(DATASET, FEBRUARY, first.content, first.id), SOURCE]}
    before = dt.datetime.now(dt.UTC)
    result = publish(store, {JANUARY: frame}, code_version="7", inputs=inputs, run_id="run-1")[JANUARY]
    made = result.generation
    content = (store.root / made.path).read_bytes()
    assert result.changed
    assert (made.dataset, made.partition, made.number, made.rows) == (DATASET, JANUARY, 1, 6)
    assert (made.contract, made.contract_version, made.code_version, made.run_id) == ("small", "1", "7", "run-1")
    assert made.path.startswith(f"{DATASET}/{JANUARY}-")
    assert made.size == len(content)
    assert made.sha256 == hashlib.sha256(content).hexdigest()
    assert made.content == content_hash(SMALL.arrange(frame))
    assert made.known_at == START + 3 * HOUR
    assert before <= made.created_at <= dt.datetime.now(dt.UTC)
    assert made.superseded_at is None
    assert store.catalogue.generation(made.id) == made
    assert store.catalogue.current(DATASET, [JANUARY]) == {JANUARY: made}
    assert store.catalogue.inputs([made.id, first.id]) == {
        made.id: [Input(DATASET, FEBRUARY, first.content, first.id), SOURCE],
        first.id: [],
    }


def test_the_generation_has_the_catalogues_columns():
    names = list(Generation.__dataclass_fields__)
    assert names == [column.name for column in tables.generations.columns]


def test_a_new_generation_supersedes_and_keeps_the_old(store):
    old = publish(store, {JANUARY: small(value=1)})[JANUARY].generation
    new = publish(store, {JANUARY: small(value=2)})[JANUARY].generation
    history = store.catalogue.history(DATASET, JANUARY)
    assert [one.number for one in history] == [1, 2]
    assert history[0] == replace(old, superseded_at=new.created_at)
    assert store.catalogue.current(DATASET) == {JANUARY: new}
    assert (store.root / old.path).is_file()


def test_the_same_again_writes_nothing(store):
    inputs = {JANUARY: [SOURCE]}
    first = publish(store, {JANUARY: small()}, inputs=inputs)[JANUARY]
    before = files(store)
    shuffled = small().sample(fraction=1, shuffle=True, seed=1).select(reversed(SMALL.column_names))
    again = publish(store, {JANUARY: shuffled}, inputs=inputs, run_id="another run")[JANUARY]
    assert not again.changed
    assert again.generation == first.generation
    assert files(store) == before
    assert len(store.catalogue.history(DATASET, JANUARY)) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"inputs": {JANUARY: [replace(SOURCE, content="b" * 64)]}},
        {"inputs": {JANUARY: []}},
        {"code_version": "2"},
        {"contract": replace(SMALL, version="2")},
    ],
)
def test_same_rows_of_other_origin_share_the_file(store, other):
    origin = {"inputs": {JANUARY: [SOURCE]}}
    first = publish(store, {JANUARY: small()}, **origin)[JANUARY].generation
    before = files(store)
    second = publish(store, {JANUARY: small()}, **(origin | other))[JANUARY]
    assert second.changed
    assert second.generation.number == 2
    assert (second.generation.path, second.generation.sha256) == (first.path, first.sha256)
    assert files(store) == before


def test_an_inputs_own_generation_does_not_matter_its_content_does(store):
    first = publish(store, {FEBRUARY: small(month=2)})[FEBRUARY].generation
    second = publish(store, {FEBRUARY: small(month=2)}, code_version="2")[FEBRUARY].generation
    made = [Input(DATASET, FEBRUARY, one.content, one.id) for one in (first, second)]
    assert publish(store, {JANUARY: small()}, inputs={JANUARY: [made[0]]})[JANUARY].changed
    assert not publish(store, {JANUARY: small()}, inputs={JANUARY: [made[1]]})[JANUARY].changed


def test_rows_that_come_back_are_a_third_generation(store):
    contents = [publish(store, {JANUARY: small(value=value)})[JANUARY].generation for value in (1, 2, 1)]
    assert [one.number for one in contents] == [1, 2, 3]
    assert contents[0].content == contents[2].content
    assert contents[0].path != contents[2].path


def test_one_broken_frame_and_nothing_is_published(store):
    frames = {JANUARY: small(), FEBRUARY: small(month=2, count=13)}
    with pytest.raises(ContractError, match=r"lab/small partition 2024-02: .*\n.*rule unlucky: 6 rows") as caught:
        publish(store, frames)
    assert "symbol=A" in str(caught.value)
    assert files(store) == []
    assert store.catalogue.datasets() == []


def test_one_broken_refusal_and_nothing_is_published(store):
    with pytest.raises(ContractError, match=r"lab/small\.quarantine partition 2024-01.*(.|\n)*line_out_of_range"):
        publish(store, {JANUARY: small()}, refused={JANUARY: refusal(-1)})
    assert files(store) == []
    assert store.catalogue.datasets() == []


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (small().drop("note"), "column note is missing"),
        (small().with_columns(extra=1), "column extra is not in the contract"),
        (small().cast({"count": pl.Int64}), "column count is Int64, expected Int32"),
        (pl.concat([small(), small()]), "key_not_increasing"),
    ],
)
def test_frames_of_another_shape_are_refused(store, frame, told):
    with pytest.raises(ContractError, match=told):
        publish(store, {FEBRUARY: small(month=2), JANUARY: frame})
    assert files(store) == []


def test_a_lazy_frame_is_refused(store):
    with pytest.raises(TypeError, match="collect the frame first"):
        publish(store, {JANUARY: small().lazy()})


def test_a_key_may_occur_in_two_partitions(store):
    assert set(publish(store, {JANUARY: small(), FEBRUARY: small()})) == {JANUARY, FEBRUARY}


@pytest.mark.parametrize("name", ["small", "lab/../small", "Lab/small", "lab/small/x", "lab/", ""])
def test_dataset_names_are_safe_as_folders(store, name):
    with pytest.raises(ValueError, match="expected market/layer in lower case"):
        store.publish(name, {JANUARY: small()}, SMALL, code_version="1", inputs={})


@pytest.mark.parametrize("partition", ["", "../x", "a/b", ".hidden", "a b", "2024-01\n"])
def test_partition_keys_are_safe_as_file_names(store, partition):
    with pytest.raises(ValueError, match="expected a key such as"):
        publish(store, {partition: small()})


def test_inputs_are_named_once_and_for_what_is_published(store):
    with pytest.raises(ValueError, match="an input is named twice"):
        publish(store, {JANUARY: small()}, inputs={JANUARY: [SOURCE, SOURCE]})
    with pytest.raises(ValueError, match="inputs are given for 2024-02"):
        publish(store, {JANUARY: small()}, inputs={FEBRUARY: [SOURCE]})
    with pytest.raises(sa.exc.IntegrityError):
        publish(store, {JANUARY: small()}, inputs={JANUARY: [replace(SOURCE, generation=999)]})
    assert store.catalogue.datasets() == []


def test_nothing_to_publish_is_nothing_published(store):
    assert publish(store, {}) == {}
    assert store.catalogue.datasets() == []


def test_an_empty_partition_is_a_generation(store):
    assert publish(store, {JANUARY: SMALL.empty()})[JANUARY].generation.known_at is None
    assert store.read(DATASET).schema == SMALL.polars_schema


def test_refused_rows_are_published_beside(store):
    publish(store, {JANUARY: small()}, inputs={JANUARY: [SOURCE]}, refused={JANUARY: refusal(7)})
    assert store.read(f"{DATASET}.quarantine")["line"].to_list() == [7]
    made = store.catalogue.current(f"{DATASET}.quarantine")[JANUARY]
    assert store.catalogue.inputs([made.id])[made.id] == [SOURCE]


def test_refusals_are_the_whole_truth_about_their_partitions(store):
    quarantine = f"{DATASET}.quarantine"
    frames = {JANUARY: small(), FEBRUARY: small(month=2)}
    publish(store, frames, refused={JANUARY: refusal(7)})
    assert list(store.catalogue.current(quarantine)) == [JANUARY]  # none of February: nothing was refused
    publish(store, {JANUARY: small(value=2)})
    assert store.read(quarantine).height == 1  # nothing was said about refusals
    publish(store, {FEBRUARY: small(month=2, value=2)}, refused={FEBRUARY: refusal(8, FEBRUARY)})
    assert store.read(quarantine)["line"].to_list() == [7, 8]
    publish(store, frames, refused={JANUARY: QUARANTINE.empty()})
    assert store.read(quarantine).height == 0
    numbers = {key: one.number for key, one in store.catalogue.current(quarantine).items()}
    publish(store, frames, refused={})
    assert {key: one.number for key, one in store.catalogue.current(quarantine).items()} == numbers


def test_progress_rises_to_the_end(store):
    told = []
    frames = {f"2024-{month:02d}": small(month=month) for month in range(1, 6)}
    publish(store, frames, refused={JANUARY: refusal(1)}, on_progress=lambda *report: told.append(report))
    assert told[0] == ("validate", 0, 5)
    assert told[-1] == ("commit", 5, 5)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert all(done < 5 for _, done, _ in told[:-1])
    told.clear()
    publish(store, frames, on_progress=lambda *report: told.append(report))
    assert told == [("validate", 0, 5), ("commit", 5, 5)]


def test_a_lost_file_is_written_again(store):
    made = publish(store, {JANUARY: small()})[JANUARY].generation
    (store.root / made.path).unlink()
    with pytest.raises(StoreError, match=r"the file of a current generation is missing.*Remedy: restore"):
        store.read(DATASET)
    assert publish(store, {JANUARY: small()})[JANUARY].changed
    assert store.read(DATASET).equals(small())
