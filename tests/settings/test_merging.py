from hypothesis import given
from hypothesis import strategies as st

from tradepipe.settings.nodes import Node, Origin, dotted, find, leaves, merge, node_of, plain

KEYS = st.sampled_from("abc")
SCALARS = st.none() | st.booleans() | st.integers(0, 3) | st.text("xy", max_size=2)
VALUES = st.recursive(
    SCALARS | st.lists(SCALARS, max_size=2),
    lambda children: st.dictionaries(KEYS, children, max_size=3),
    max_leaves=12,
)
LAYERS = st.dictionaries(KEYS, VALUES, max_size=3)


def _layer(value, name):
    return node_of(value, Origin(name))


@given(LAYERS)
def test_merging_a_layer_with_itself_changes_nothing(value):
    layer = _layer(value, "a")
    assert merge(layer, layer) == layer


@given(LAYERS, LAYERS)
def test_merging_the_upper_layer_again_changes_nothing(low, high):
    merged = merge(_layer(low, "low"), _layer(high, "high"))
    assert merge(merged, _layer(high, "high")) == merged


@given(LAYERS, LAYERS)
def test_what_the_upper_layer_says_stands_and_keeps_its_origin(low, high):
    upper = _layer(high, "high")
    merged = merge(_layer(low, "low"), upper)
    for path, leaf in leaves(upper):
        found, rest = find(merged, path)
        assert rest == ()
        if leaf.content == {}:  # an empty mapping says nothing: what lies under it shows through
            assert isinstance(found.content, dict)
        else:
            assert plain(found) == plain(leaf)
            assert found.origin == Origin("high")


@given(LAYERS, LAYERS)
def test_what_only_the_lower_layer_says_stays(low, high):
    lower, upper = _layer(low, "low"), _layer(high, "high")
    merged = merge(lower, upper)
    for path, leaf in leaves(lower):
        above, rest = find(upper, path)
        if rest and isinstance(above.content, dict):
            assert find(merged, path) == (leaf, ())


@given(LAYERS, LAYERS)
def test_nothing_appears_that_no_layer_said(low, high):
    lower, upper = _layer(low, "low"), _layer(high, "high")
    for path, leaf in leaves(merge(lower, upper)):
        assert any(find(layer, path) == (leaf, ()) for layer in (lower, upper)) or leaf.content == {}


@given(LAYERS, LAYERS)
def test_merging_leaves_its_arguments_alone(low, high):
    lower, upper = _layer(low, "low"), _layer(high, "high")
    merge(lower, upper)
    assert (plain(lower), plain(upper)) == (low, high)


@given(LAYERS)
def test_plain_gives_back_what_was_wrapped(value):
    assert plain(_layer(value, "a")) == value


def test_paths_are_written_with_dots_and_brackets():
    assert dotted(("markets", "alpha", "indicators", 2)) == "markets.alpha.indicators[2]"
    assert find(Node([], Origin("a")), (3, "b"))[1] == (3, "b")
