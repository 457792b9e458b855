"""Contract of the model versions that a partition's member forecasts were made with."""

import polars as pl

from tradepipe.contracts.forecasts import MODEL
from tradepipe.contracts.model import Column, Contract, Rule

MODEL_VERSIONS = Contract(
    name="model_versions",
    version="1",
    description="The version of each member that made the partition's forecasts, as the model registry knows it.",
    key=("model",),
    columns=(
        MODEL,
        Column("version", pl.String, "member, partition, digest of specs, code and all parameters"),
        Column("mean", pl.String, "spec of the mean equation"),
        Column("variance", pl.String, "spec of the variance equation"),
        Column("engines", pl.String, "JSON object: engine to its share of the fits"),
        Column(
            "parameters",
            pl.String,
            "JSON object: name to least, median and most over the symbols' newest fits",
        ),
        Column("first_session", pl.Date, "oldest session that the training windows reach"),
        Column("last_session", pl.Date, "newest session of the training windows"),
        Column("symbols", pl.Int32, "symbols fitted", minimum=1),
        Column("fits", pl.Int32, "fits made", minimum=1),
        Column("code_version", pl.String, "of the layer member_forecasts"),
    ),
    rules=(
        Rule("trained_backwards", pl.col("first_session") <= pl.col("last_session"), "training ends after it begins"),
    ),
)
