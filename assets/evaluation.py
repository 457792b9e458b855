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
        from tradepipe.reporting import market_plots  # noqa: PLC0415

        run, told = layer_run(context, store, market), market.settings.forecasts.regimes
        made = compute_regimes(run.read("bars"), run.windows("bars"), told)
        yield from report(context, run.publish(made), plots=lambda: market_plots.regimes(made))

    return body


def forecast_scores(market: Market) -> dg.AssetsDefinition:
    @layer_asset(market, "forecast_scores")
    def body(context: dg.AssetExecutionContext, store: StoreResource) -> Events:
        from tradepipe.chain.judging import publish_scores  # noqa: PLC0415
        from tradepipe.reporting import market_plots  # noqa: PLC0415

        reports, shown = publish_scores(layer_run(context, store, market))
        yield from report(context, reports, plots=lambda: market_plots.scores(market.settings, shown))

    return body


def evaluations(market: Market) -> dg.AssetsDefinition:
    @layer_asset(market, "evaluations", checks=[SKILL_CHECK])
    def body(context: dg.AssetExecutionContext, store: StoreResource) -> Events:
        from tradepipe.chain.judging import publish_evaluations  # noqa: PLC0415
        from tradepipe.forecasting.evaluation import evaluate, without_skill  # noqa: PLC0415
        from tradepipe.reporting import market_plots  # noqa: PLC0415

        made = publish_evaluations(layer_run(context, store, market))
        table = evaluate(made.sums, losses=made.losses)
        judge = _skill(without_skill(table))
        plots = market_plots.evaluations
        yield from report(context, made.reports, plots=lambda: plots(market.settings, table, made.sums), judges=[judge])

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
