"""Marts keep to SQL that DuckDB and ClickHouse understand alike; what does not is refused, with a remedy."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from tradepipe.warehouse.errors import MartError
from tradepipe.warehouse.marts import Mart
from tradepipe.warehouse.tokens import references, with_references

if TYPE_CHECKING:
    from sqlglot import exp

# fmt: off
FUNCTIONS = frozenset({
    "count", "sum", "avg", "min", "max", "arg_min", "arg_max", "stddev_samp", "var_samp", "corr", "abs", "sign",
    "ln", "exp", "sqrt", "power", "floor", "ceil", "greatest", "least", "coalesce", "nullif", "lower", "upper",
    "length", "substring", "concat", "date_trunc", "year", "month", "day", "rank", "dense_rank", "row_number",
    "lag", "lead", "ref",
})
# fmt: on
"""Functions that give the same on both engines; a test holds each of them to it."""

# fmt: off
_KEYWORDS = frozenset({
    "select", "from", "where", "and", "or", "not", "in", "exists", "as", "on", "using", "over", "filter", "by",
    "when", "then", "else", "case", "between", "like", "union", "all", "values", "with", "having", "distinct",
    "order", "group", "partition", "decimal", "varchar", "cast", "try_cast", "join", "left", "right", "is",
})
# fmt: on
_REMEDIES: Mapping[str, str] = {
    **dict.fromkeys(("first", "last", "any_value"), "use arg_min(value, open_time) or arg_max(value, open_time)"),
    **dict.fromkeys(("list", "array_agg", "string_agg", "group_concat"), "give each value a row of its own"),
    **dict.fromkeys(("median", "quantile", "quantile_cont", "mode", "approx_quantile"), "use avg, or a rank()"),
    **dict.fromkeys(("strftime", "to_char"), "use date_trunc, or year() and month()"),
    **dict.fromkeys(
        ("now", "today", "current_date", "current_timestamp", "random"), "a mart is a function of its refs"
    ),
    **dict.fromkeys(("read_parquet", "read_csv", "parquet_scan"), "read layers and marts by ref('name')"),
    "round": "the engines round halves differently: cast to DECIMAL(38, 8)",
    "date_diff": "count sessions, which expected_bars numbers",
}
_WORDS: Mapping[str, str] = {
    "//": "use floor(a / b)",
    "%": "use a - b * floor(a / b)",
    "PIVOT": "use sum(…) FILTER (WHERE …)",
    "ASOF": "use arg_max and GROUP BY",
    "QUALIFY": "filter in an outer SELECT",
    "LIMIT": "rank() and WHERE say which rows",
    "CURRENT_DATE": "a mart is a function of its refs",
    "CURRENT_TIMESTAMP": "a mart is a function of its refs",
}


def parse(mart: Mart) -> "exp.Query":
    """The mart's SELECT as a tree, in which `ref('bars.gaps')` is the table `"bars.gaps"`.

    Raises:
        MartError: naming file and line, when it is no single SELECT, or not in the portable subset.
    """
    import sqlglot  # noqa: PLC0415 - a third of a CPU second
    from sqlglot import exp  # noqa: PLC0415

    try:
        trees = sqlglot.parse(with_references(mart.sql, _as_name), read="duckdb")
    except sqlglot.errors.SqlglotError as error:
        raise MartError(f"{mart.file}: no SQL that can be read: {_plainly(error)}") from None
    if faults := list(_faults(mart)):
        raise MartError("\n".join(faults))
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise MartError(f"{mart.file}: {len(trees)} statements; a mart is one SELECT, and nothing before or after it.")
    own = {cte.alias for cte in trees[0].find_all(exp.CTE)}
    read = {table.name for table in trees[0].find_all(exp.Table)}
    if stray := sorted(read - own - set(references(mart.sql))):
        raise MartError(f"{mart.file}: reads {', '.join(stray)}. Remedy: ref('{stray[0]}') names what is published.")
    return trees[0]


def _as_name(name: str) -> str:
    return f'"{name}"'


def _faults(mart: Mart) -> Iterator[str]:
    from sqlglot.dialects import DuckDB  # noqa: PLC0415 - as above
    from sqlglot.tokenizer_core import TokenType  # noqa: PLC0415

    tokens = list(DuckDB().tokenize(mart.sql))
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        word, place = token.text.lower(), f"{mart.file}:{token.line}"
        if token.token_type in (TokenType.STRING, TokenType.IDENTIFIER, TokenType.NUMBER):
            continue
        if token.text.upper() in _WORDS:
            yield f"{place}: {token.text} is not in the portable subset. Remedy: {_WORDS[token.text.upper()]}."
        elif following is None or following.token_type is not TokenType.L_PAREN or word in _KEYWORDS:
            continue
        elif word.isidentifier() and word not in FUNCTIONS:
            remedy = _REMEDIES.get(word, f"use one of {', '.join(sorted(FUNCTIONS))}")
            yield f"{place}: {word}() is not in the portable subset. Remedy: {remedy}."


def _plainly(error: Exception) -> str:
    return str(error).replace("\x1b[4m", "").replace("\x1b[0m", "").split("\n", 1)[0]
