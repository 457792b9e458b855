"""Scores and evaluations of a range of partitions, published batch by batch, and what there is to show of them."""

from dataclasses import dataclass

import polars as pl

from tradepipe.chain.evaluation import LOSSES, ORIGINS, evaluations_of, scores_of
from tradepipe.chain.layers import dataset
from tradepipe.chain.run import LayerRun, Reports
from tradepipe.contracts import EVALUATION_LOSSES, EVALUATION_ORIGINS, EVALUATIONS, Contract
from tradepipe.forecasting.evaluation import fold
from tradepipe.forecasting.members import RANDOM_WALK

ROW_WEIGHT = 4
"""How many times the memory of another layer's row one takes while it is computed."""

_BARS = ["symbol", "session", "open_time", "close"]
_SHOWN = ["symbol", "target_session", "target_open_time", "model", "horizon", "squared_error"]


@dataclass(frozen=True)
class Evaluated:
    """What a run published, with sums and losses of its partitions and of as many before as tell something.

    `sums` (EVALUATIONS) are folded over regimes, batch by batch; `losses` (EVALUATION_LOSSES) are all.
    """

    reports: Reports
    sums: pl.DataFrame
    losses: pl.DataFrame


def publish_scores(run: LayerRun) -> tuple[Reports, pl.DataFrame]:
    """Publish the scores of `run`'s partitions.

    Returns:
        What was published; and the squared errors of the strategy's model and the random walk at its
        horizon, to be drawn.
    """
    told, shown = run.market.settings.strategy, []

    def publish(part: LayerRun) -> Reports:
        bars = part.read("bars", columns=_BARS)
        scores = scores_of(part.market, part.read("forecasts"), bars, part.windows("bars"))
        drawn = scores.filter(pl.col("model").is_in([told.model, RANDOM_WALK]), pl.col("horizon") == told.horizon)
        shown.append(drawn.select(_SHOWN))
        return part.publish(scores)

    reports = run.in_batches(_rows_a_bar(run), publish)
    return reports, pl.concat(shown)


def publish_evaluations(run: LayerRun) -> Evaluated:
    """Publish the evaluations of `run`'s partitions, with their loss series and sums by origin beside.

    Raises:
        LeakError: a model was trained on the session that it is judged on.
    """
    before = _before(run)
    sums, losses = [fold(before[0])], [before[1]]

    def publish(part: LayerRun) -> Reports:
        regimes = part.read("regimes", columns=["symbol", "open_time", "regime"])
        made, series, origins = evaluations_of(part.market, part.read("forecast_scores"), regimes)
        sums.append(fold(made))
        losses.append(series.select(EVALUATION_LOSSES.column_names))
        beside = {LOSSES: (EVALUATION_LOSSES, series), ORIGINS: (EVALUATION_ORIGINS, origins)}
        return part.publish(made, beside=beside)

    reports = run.in_batches(_rows_a_bar(run), publish)
    return Evaluated(reports, pl.concat(sums), pl.concat(losses))


def _rows_a_bar(run: LayerRun) -> int:
    told = run.market.settings.forecasts
    # Wide rows that are joined with others and summed, and hardly a look back that short batches would read again.
    return ROW_WEIGHT * told.horizon * (len(told.members) + 1)


def _before(run: LayerRun) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Of the partitions before a short run, those that the promotion of models counts too."""
    name, first = dataset(run.market.name, run.layer.name), min(run.keys)
    count = max(run.market.settings.forecasts.promotion.partitions - len(run.keys), 0)
    current = run.store.catalogue.current_of([name, f"{name}.{LOSSES}"])

    def read(which: str, contract: Contract) -> pl.DataFrame:
        same = [one for one in current[which].values() if one.contract_version == contract.version]
        earlier = sorted((one for one in same if one.partition < first), key=lambda one: one.partition)
        return run.store.read_generations(earlier[len(earlier) - min(count, len(earlier)) :], contract)

    return read(name, EVALUATIONS), read(f"{name}.{LOSSES}", EVALUATION_LOSSES)
