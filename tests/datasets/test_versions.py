"""Versions, ranges and requirements: tables of what is in and what is out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepipe.datasets import Range, Requirement, RequirementError, Version

NUMBERS = st.integers(0, 30)
VERSIONS = st.builds(Version, NUMBERS, NUMBERS, NUMBERS)

TABLE = [
    # range, versions in it, versions outside
    ("", "0.0.1 1.0.0 99.1.2", ""),
    ("*", "0.0.1 1.0.0", ""),
    ("1.2.0", "1.2.0", "1.2.1 1.1.9"),
    ("=1.2.0", "1.2.0", "1.2.1"),
    ("==1.2.0", "1.2.0", "1.2.1"),
    ("1.*", "1.0.0 1.9.9", "0.9.9 2.0.0"),
    ("1.2.*", "1.2.0 1.2.9", "1.3.0 1.1.9"),
    ("!=1.2.0", "1.2.1", "1.2.0"),
    (">=1.0,<2", "1.0.0 1.9.9", "0.9.9 2.0.0"),
    (">= 1.0 , < 2", "1.0.0 1.9.9", "2.0.0"),
    (">1.2.3,<=1.4", "1.2.4 1.4.0", "1.2.3 1.4.1"),
    ("^1.2", "1.2.0 1.9.0", "1.1.9 2.0.0"),
    ("^1.2.3", "1.2.3 1.99.0", "1.2.2 2.0.0"),
    ("^1", "1.0.0 1.9.0", "2.0.0 0.9.0"),
    ("^0", "0.0.1 0.9.9", "1.0.0"),
    ("^0.2.3", "0.2.3 0.2.9", "0.3.0 0.2.2"),
    ("^0.0.3", "0.0.3", "0.0.4 0.0.2"),
    ("^0.0", "0.0.0 0.0.9", "0.1.0"),
    ("~1.2.3", "1.2.3 1.2.9", "1.3.0 1.2.2"),
    ("~1.2", "1.2.0 1.2.9", "1.3.0"),
    ("~1", "1.0.0 1.9.9", "2.0.0"),
    ("~0.0.3", "0.0.3 0.0.9", "0.1.0"),
    ("10.*", "10.0.0 10.2.0", "1.0.0 9.0.0"),
]


@pytest.mark.parametrize(("text", "inside", "outside"), TABLE)
def test_ranges(text, inside, outside):
    wanted = Range.parse(text)
    assert [one for one in inside.split() if Version.parse(one) not in wanted] == []
    assert [one for one in outside.split() if Version.parse(one) in wanted] == []


@pytest.mark.parametrize("text", ["1.2", "v1.2.0", "1.2.3.4", "01.2.3", "1.2.0-rc.1", "", "1.2.x", "\uff11.2.3"])
def test_what_is_no_version(text):
    with pytest.raises(RequirementError, match="is no version; expected three numbers"):
        Version.parse(text)


@pytest.mark.parametrize("text", ["^", "~^1", "^1.*", ">=1.*", "latest", ">=1,", "=>1", "1.2.3.4", "<v2", "~=1.2"])
def test_what_is_no_range(text):
    with pytest.raises(RequirementError, match=r"is no range of versions; expected e\.g\. 1\.2\.0"):
        Range.parse(text)


@pytest.mark.parametrize(
    ("text", "name", "version", "inside"),
    [
        ("us_indices/bars", "us_indices/bars", "3.0.0", True),
        ("us_indices/bars@1.2.0", "us_indices/bars", "1.2.0", True),
        ("us_indices/bars@1.2.0", "us_indices/bars", "1.2.1", False),
        ("us_indices/bars>=1.0,<2", "us_indices/bars", "2.0.0", False),
        ("us_indices/bars.quarantine ^1.2", "us_indices/bars.quarantine", "1.3.0", True),
        ("features>=2", "features", "2.0.0", True),
    ],
)
def test_requirements(text, name, version, inside):
    found = Requirement.parse(text)
    assert (found.name, found.is_dataset, Version.parse(version) in found.range) == (name, "/" in name, inside)


@pytest.mark.parametrize("text", ["", "Bars>=1", "us_indices/", "/bars", "us_indices/bars@1.2", "a b"])
def test_what_is_no_requirement(text):
    with pytest.raises(RequirementError):
        Requirement.parse(text)


@given(VERSIONS, VERSIONS)
def test_order_and_ranges_agree(one, other):
    assert (one in Range.parse(f">={other}")) == (one >= other)
    assert (one in Range.parse(f"<{other}")) == (one < other)
    assert (one in Range.parse(f"^{other}")) == (one >= other and _kept(one, other) == _kept(other, other))


def _kept(version, of):
    """What `^of` does not let change: everything up to the first number that is not zero."""
    numbers = (version.major, version.minor, version.patch)
    first = next((place for place, number in enumerate((of.major, of.minor, of.patch)) if number), 2)
    return numbers[: first + 1]
