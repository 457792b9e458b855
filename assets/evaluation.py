"""How good forecasts were: regimes, the score of each forecast, and what they come to."""

import dagster as dg

from assets.layer import layer_asset, layer_run
from assets.reports import Events, Judge, report
from resources.store import StoreResource
from tradepipe.chain import PartitionReport
from tradepipe.markets import Market

SKILL_CHECK = "skill"


def regimes(market: Market) -> dg.AssetsDefinition:
    @layer_asset(market, "regimes")
    def body(context: dg.AssetExecutionContext, store: StoreResource) -> Events:
        from tradepipe.forecasting.regimes import compute_regimes  # noqa: PLC0415 - as all heavy imports here

        run, told = layer_run(context, store, market), market.settings.forecasts.regimes
        yield from report(context, run.publish(compute_regimes(run.read("bars"), run.windows("bars"), told)))

    return body


def forecast_scores(market: Market) -> dg.AssetsDefinition:
    @layer_asset(market, "forecast_scores")
    def body(context: dg.AssetExecutionContext, store: StoreResource) -> Events:
        from tradepipe.chain.evaluation import scores_of  # noqa: PLC0415
        from tradepipe.reporting import market_plots  # noqa: PLC0415

        run = layer_run(context, store, market)
        scores = scores_of(market, run.read("forecasts"), run.read("bars"), run.windows("bars"))
        yield from report(context, run.publish(scores), plots=lambda: market_plots.scores(market.settings, scores))

    return body


def evaluations(market: Market) -> dg.AssetsDefinition:
    @layer_asset(market, "evaluations", checks=[SKILL_CHECK])
    def body(context: dg.AssetExecutionContext, store: StoreResource) -> Events:
        from tradepipe.chain.evaluation import LOSSES, evaluations_of  # noqa: PLC0415
        from tradepipe.contracts import EVALUATION_LOSSES  # noqa: PLC0415
        from tradepipe.forecasting.evaluation import evaluate, without_skill  # noqa: PLC0415
        from tradepipe.reporting import market_plots  # noqa: PLC0415

        run = layer_run(context, store, market)
        sums, losses = evaluations_of(market, run.read("forecast_scores"), run.read("regimes"))
        reports = run.publish(sums, beside={LOSSES: (EVALUATION_LOSSES, losses)})
        table = evaluate(sums, losses=losses)
        yield from report(
            context,
            reports,
            plots=lambda: market_plots.evaluations(table, sums),
            judges=[_skill(without_skill(table))],
        )

    return body


def _skill(sentences: dict[str, str]) -> Judge:
    """Yellow where a model of the run nowhere beats the random walk; a sentence on each such model says it."""

    def judge(_one: PartitionReport) -> dg.AssetCheckResult:
        return dg.AssetCheckResult(
            check_name=SKILL_CHECK,
            passed=not sentences,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={model: dg.MetadataValue.text(sentence) for model, sentence in sentences.items()},
        )

    return judge
