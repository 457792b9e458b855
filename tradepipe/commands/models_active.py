"""`tradepipe models active`: what is active for a symbol in the regime that it is in, or in another."""

from rich.console import Console
from rich.table import Table

from tradepipe.chain.latest import market_of
from tradepipe.chain.model_lookup import active_models, regime_of
from tradepipe.commands.models import regimes_named, registry_of
from tradepipe.commands.project import Project
from tradepipe.forecasting.registry import UnknownModelError


def show_active(project: Project, console: Console, symbol: str, *, market: str | None, regime: str | None) -> None:
    """The versions active in a regime, each with the symbol's own parameters.

    Args:
        project: whose registry and store.
        console: where to print.
        symbol: of a market.
        market: which, where several have it.
        regime: None: that of the symbol's newest bar.

    Raises:
        NoForecastError: no market has the symbol, or several do.
        UnknownModelError: there is no such regime, or the symbol has none yet.
    """
    if market is not None:
        project.market(market)
    chosen = market_of(project.markets, symbol, market)
    now = regime_of(project.store, chosen, symbol)
    wanted = now if regime is None else regimes_named([regime])[0]
    if wanted is None:
        raise UnknownModelError(
            f"{symbol} has no regime yet. Remedy: `tradepipe run -m {chosen.name}`, or name one with --regime"
        )
    here = "where it is now" if wanted == now else f"it is in {now} now" if now else "it is in none yet"
    console.print(f"{symbol} of {chosen.name}, {wanted} ({here})", markup=False)
    found = active_models(project.store, registry_of(project), chosen, symbol, wanted)
    if not found:
        console.print(f"No version is active in {wanted}. `tradepipe models rules` says why.")
        return
    table = Table("version", "mean", "variance", f"parameters of {symbol}", "by", box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    for one in found:
        told = one.parameters
        shown = "not there" if told is None else ", ".join(f"{name} {value:.4g}" for name, value in told.items())
        table.add_row(one.activation.version, one.mean, one.variance, shown or "none", one.activation.who)
    console.print(table)
