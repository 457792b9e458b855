"""Which versions are chosen, and which combinations are refused."""

import datetime as dt
from dataclasses import replace

import pytest

from tests.datasets.samples import DATASET, NOW, flip
from tradepipe.datasets import (
    IncompatibleError,
    MismatchError,
    Requirement,
    UnknownVersionError,
    Version,
    open_dataset,
    resolve,
)

OTHER = "lab/other"
HOUR = dt.timedelta(hours=1)


def chosen(shop, *wanted, **options):
    found = resolve(shop.registry, [Requirement.parse(text) for text in wanted], **options)
    return [one.name.removeprefix("lab/") for one in found.manifests.values()]


@pytest.fixture
def stocked(shop):
    """small 1.0.0, 1.1.0, 1.2.3, 2.0.0, 2.1.0 (of which 2.1.0 is retired)."""
    for version in ("1.0.0", "1.1.0", "1.2.3", "2.0.0", "2.1.0"):
        shop.fill_and_publish(version)
    shop.registry.retire(DATASET, Version(2, 1, 0), NOW)
    return shop


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wanted", "version"),
    [
        ("lab/small", "2.0.0"),
        ("lab/small>=1.0,<2", "1.2.3"),
        ("lab/small^1", "1.2.3"),
        ("lab/small~1.1", "1.1.0"),
        ("lab/small@1.0.0", "1.0.0"),
        ("lab/small!=2.0.0", "1.2.3"),
        ("lab/small<1.1", "1.0.0"),
    ],
)
def test_the_latest_in_the_range(stocked, wanted, version):
    assert chosen(stocked, wanted) == [f"small@{version}"]
    name, versions = "lab/small", wanted.removeprefix("lab/small")
    assert open_dataset(stocked.registry, name, versions).manifest.version == version


@pytest.mark.slow
@pytest.mark.parametrize("wanted", ["lab/small>=3", "lab/small@1.0.1", "lab/small~1.3", "lab/small@2.1.0"])
def test_an_unknown_version_lists_those_there_are(stocked, wanted):
    with pytest.raises(UnknownVersionError) as caught:
        chosen(stocked, wanted)
    every = "lab/small@1.0.0, lab/small@1.1.0, lab/small@1.2.3, lab/small@2.0.0, lab/small@2.1.0 (retired)"
    assert str(caught.value).endswith(f"no such published version. Available: {every}.")


def test_an_unknown_dataset_lists_what_is_published(stocked):
    with pytest.raises(UnknownVersionError, match=r"lab/x>=1: no such .* Available: lab/small@1\.0\.0, .*2\.0\.0\.$"):
        chosen(stocked, "lab/x>=1")


def test_nothing_is_published_yet(shop):
    with pytest.raises(UnknownVersionError, match=r"Nothing of it is published\. Remedy: `tradepipe dataset publish`"):
        chosen(shop, "lab/small")


def test_requirements_of_the_chosen_are_honoured_and_chosen_too(shop):
    shop.fill_and_publish("1.0.0")
    shop.fill_and_publish("2.0.0")
    shop.fill_and_publish("1.0.0", OTHER, requires=["lab/small^1"])
    shop.fill_and_publish("1.1.0", OTHER, requires=["lab/small^2"])
    shop.fill_and_publish("1.2.0", OTHER, requires=["lab/small>=3"])
    assert chosen(shop, OTHER) == ["other@1.1.0", "small@2.0.0"]
    assert chosen(shop, OTHER, "lab/small^1") == ["other@1.0.0", "small@1.0.0"]
    assert chosen(shop, "lab/small^1", OTHER) == ["small@1.0.0", "other@1.0.0"]
    with pytest.raises(IncompatibleError) as caught:
        chosen(shop, "lab/other>=1.1", "lab/small^1")
    assert str(caught.value) == (
        "lab/other>=1.1, lab/small^1: each exists, but no versions of them go together.\n"
        "  lab/other@1.2.0: requires lab/small>=3\n"
        "  lab/other@1.1.0: requires lab/small^2\n"
        "  lab/other@1.0.0: requires lab/small^1\n"
        "  lab/small@2.0.0\n"
        "  lab/small@1.0.0\n"
        "Remedy: widen a range, or publish a version that fits with `tradepipe dataset publish`."
    )


def test_requirements_in_a_circle_come_to_an_end(shop):
    shop.fill_and_publish("1.0.0", requires=["lab/other^1"])
    shop.fill_and_publish("1.0.0", OTHER, requires=["lab/small^1"])
    assert chosen(shop, OTHER) == ["other@1.0.0", "small@1.0.0"]


def test_a_job_that_needs_features_of_version_2_refuses_a_manifest_of_version_1(shop):
    shop.fill_and_publish("1.0.0", provides={"features": "1.4.0"})
    with pytest.raises(IncompatibleError, match=r"lab/small@1\.0\.0: provides features 1\.4\.0"):
        chosen(shop, "lab/small", "features>=2")
    shop.fill_and_publish("1.1.0", provides={"features": "2.0.0"})
    shop.fill_and_publish("1.2.0")
    assert chosen(shop, "lab/small", "features>=2") == ["small@1.1.0"]
    assert chosen(shop, "lab/small", "features^1") == ["small@1.0.0"]
    shop.fill_and_publish("1.0.0", OTHER, requires=["features^1"])
    assert chosen(shop, OTHER, "lab/small") == ["other@1.0.0", "small@1.0.0"]


def publish_as(shop, version, dataset, **changes):
    shop.fill(float(version.replace(".", "")), dataset)
    shop.registry.publish(replace(shop.manifest(version, dataset), **changes), NOW)


def test_calendars_must_be_one_unless_a_rule_joins_them(shop):
    publish_as(shop, "1.0.0", DATASET)
    publish_as(shop, "1.0.0", OTHER, calendar="24/7")
    wanted = [Requirement.parse(name) for name in (DATASET, OTHER)]
    told = r"different trading calendars \(24/7: lab/other@1\.0\.0; XNYS: lab/small@1\.0\.0\)\. Remedy: .*--join common"
    with pytest.raises(IncompatibleError, match=told):
        resolve(shop.registry, wanted)
    bounds = dt.date(2024, 7, 3), dt.date(2024, 7, 6)
    days = {join: resolve(shop.registry, wanted, join=join).sessions(*bounds) for join in ("common", "union")}
    assert [day.day for day in days["common"]] == [3, 5]  # the fourth is Independence Day, the sixth a Saturday
    assert [day.day for day in days["union"]] == [3, 4, 5, 6]
    assert [day.day for day in resolve(shop.registry, wanted[:1]).sessions(*bounds)] == [3, 5]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("skew", "tolerated", "asked", "fits"),
    [
        (0.0, 1.0, None, True),
        (1.0, 1.0, None, True),
        (2.0, 1.0, None, False),
        (2.0, 3.0, None, False),  # the least of both counts, and the other tolerates 1 s
        (2.0, 1.0, dt.timedelta(seconds=2), True),
        (1.0, 1.0, dt.timedelta(0), False),
    ],
)
def test_what_was_known_further_apart_than_the_tolerance_is_refused(shop, skew, tolerated, asked, fits):
    publish_as(shop, "1.0.0", DATASET)
    known_at = shop.manifest().known_at + dt.timedelta(seconds=skew)
    publish_as(shop, "1.0.0", OTHER, known_at=known_at, skew_tolerance=tolerated)
    if fits:
        assert chosen(shop, DATASET, OTHER, skew_tolerance=asked) == ["small@1.0.0", "other@1.0.0"]
    else:
        with pytest.raises(IncompatibleError, match=rf"{skew:g} s apart, .* s are tolerated\. Remedy"):
            chosen(shop, DATASET, OTHER, skew_tolerance=asked)


def test_datasets_without_known_at_have_no_skew(shop):
    publish_as(shop, "1.0.0", DATASET)
    publish_as(shop, "1.0.0", OTHER, known_at=None)
    assert len(chosen(shop, DATASET, OTHER)) == 2


def test_checksums_are_recomputed_before_anything_is_used(shop):
    manifest = shop.fill_and_publish("1.0.0")
    flip(shop.path(manifest))
    with pytest.raises(MismatchError):
        chosen(shop, DATASET)
    assert chosen(shop, DATASET, checksums=False) == ["small@1.0.0"]
