"""`tradepipe models`: versions of models, where they are active, and what people do about it."""

import getpass
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tradepipe.commands.project import Project
from tradepipe.contracts.evaluation import REGIME_NAMES
from tradepipe.forecasting.registry import (
    STATUSES,
    Event,
    ModelRegistry,
    ModelRegistryError,
    Status,
    UnknownModelError,
)
from tradepipe.forecasting.registry.errors import listed
from tradepipe.markets import Market

_STYLES = {"active": "green", "retired": "dim", "candidate": ""}


def registry_of(project: Project) -> ModelRegistry:
    """The model registry of this project."""
    return ModelRegistry.open(project.settings.models_url, pool=project.settings.store.pool)


def show_list(  # noqa: PLR0913 - one argument an option
    project: Project,
    console: Console,
    *,
    market: str | None,
    member: str | None,
    status: str | None,
    newest: int | None,
) -> None:
    """One line a version, the newest partition first.

    Raises:
        UnknownModelError: no such status.
    """
    registry = registry_of(project)
    if market is not None:
        project.market(market)
    found = registry.all(market, member=member, status=_status(status), newest=newest)
    if not found:
        console.print("No version is registered that fits. `tradepipe run` registers those of new partitions.")
        return
    table = Table("market", "version", "status", "active in", "trained through", "engines", "registered", box=None)
    table.pad_edge = False
    for place in (0, 1, 4, 6):  # regimes and engines are lists, which may go over several lines
        table.columns[place].no_wrap = True
    for one in found:
        told = one.version
        engines = ", ".join(f"{name} {share:.0%}" for name, share in told.engines.items())
        state = one.status if one.superseded_by is None else f"{one.status}, superseded"
        table.add_row(
            told.market,
            one.id,
            f"[{_STYLES[one.status]}]{state}[/]" if _STYLES[one.status] else state,
            _regimes(one.regimes),
            f"{told.last_session}",
            engines,
            f"{one.registered_at:%Y-%m-%d %H:%M}",
        )
    console.print(table)
    if newest is not None and len(found) == newest:
        console.print(f"The newest {newest}; --all lists every version.")


def promote(  # noqa: PLR0913 - one argument an option
    project: Project,
    console: Console,
    name: str,
    *,
    market: str | None,
    regimes: Sequence[str],
    who: str | None,
    why: str,
    again: bool,
) -> None:
    """Make a version active in the regimes named, or in all."""
    registry = registry_of(project)
    one = registry.get(name, market)
    rule = project.market(one.version.market).settings.forecasts.promotion
    told = registry.promote(one, regimes_named(regimes), rule=rule, who=asker(who), why=why, again=again)
    _tell(console, told)


def retire(project: Project, console: Console, name: str, *, market: str | None, who: str | None, why: str) -> None:  # noqa: PLR0913 - one argument an option
    """Take a version out of every regime."""
    registry = registry_of(project)
    _tell(console, registry.retire(registry.get(name, market), who=asker(who), why=why))


def roll_back(  # noqa: PLR0913 - one argument an option
    project: Project,
    console: Console,
    member: str,
    *,
    market: str | None,
    regimes: Sequence[str],
    who: str | None,
    why: str,
) -> None:
    """The member's previous version returns in the regimes named, or where the member is active now.

    Raises:
        UnknownModelError: the market has no such member, or it is active nowhere and no regime is named.
    """
    registry, chosen = registry_of(project), the_market(project, market)
    members = sorted({one.version.member for one in registry.all(chosen.name)})
    if member not in members:
        raise UnknownModelError(
            f"{chosen.name} has no version of a member {member!r}. Remedy: one of {listed(members) or 'none yet'}."
        )
    active = [one.regime for one in registry.active(chosen.name) if one.member == member]
    wanted = regimes_named(regimes) if regimes else list(dict.fromkeys(active))
    if not wanted:
        raise UnknownModelError(f"{member} is active in no regime of {chosen.name}. Remedy: name one with --regime")
    rule = chosen.settings.forecasts.promotion
    _tell(console, registry.roll_back(chosen.name, member, wanted, rule=rule, who=asker(who), why=why))


def show_rules(project: Project, console: Console, *, market: str | None, apply: bool) -> None:
    """How versions are promoted by rule, and how models stand in each regime; `apply` lets the rule have its way."""
    registry = registry_of(project)
    for chosen in project.chosen(market):
        rule = chosen.settings.forecasts.promotion
        console.print(
            f"{chosen.name}: the best {rule.best} a regime by {rule.metric} over the random walk's, with at least "
            f"{rule.min_forecasts:,} judged forecasts in the {rule.partitions} newest evaluation partitions."
        )
        if apply:
            _tell(console, registry.obey(chosen.name, rule))
        _show_standings(registry, chosen, console)


def the_market(project: Project, name: str | None) -> Market:
    """The market named, or the only one.

    Raises:
        UnknownModelError: there are several and none is named.
    """
    found = project.chosen(name)
    if len(found) != 1:
        raise UnknownModelError(f"which market? Remedy: --market, one of {listed(sorted(project.markets))}")
    return found[0]


def _show_standings(registry: ModelRegistry, market: Market, console: Console) -> None:
    found = registry.standings(market.name, market.settings.forecasts.promotion)
    active = {(one.regime, one.version): one.who for one in registry.active(market.name)}
    if not found:
        console.print("No evaluation is known yet; `tradepipe run` enters those of new partitions.")
        return
    metric = market.settings.forecasts.promotion.metric
    table = Table("regime", "newest version", metric, "over random walk", "forecasts", "state", box=None)
    table.pad_edge = False
    table.columns[1].no_wrap = True
    for column in table.columns[2:5]:
        column.justify = "right"
    before = ""
    for one in found:
        who = active.pop((one.regime, one.version), None)
        state = f"[green]active[/], by {who}" if who else one.refusal or ""
        value, score = (("-" if told is None else f"{told:.4f}") for told in (one.value, one.score))
        shown = one.regime if one.regime != before else ""
        table.add_row(shown, one.version, value, score, f"{one.forecasts:,}", state)
        before = one.regime
    console.print(table)
    for (regime, version), who in active.items():
        console.print(f"also active in {regime}: {version}, by {who}", markup=False)


def _tell(console: Console, told: Sequence[Event]) -> None:
    if not told:
        console.print("Nothing changed.")
    after = {one.version: one.after for one in told}  # the last word on each
    for one in told:
        where = f" in {one.regime}" if one.regime else ""
        console.print(f"{one.happening.replace('_', ' '):<12}{one.version}{where}", markup=False, soft_wrap=True)
    for version, status in after.items():
        console.print(f"{status:<12}{version}", markup=False, soft_wrap=True)


def asker(told: str | None) -> str:
    """The person named, or whose process this is.

    Raises:
        ModelRegistryError: nobody is named, and the process's user has no name.
    """
    if told is not None:
        return told
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user without a name
        raise ModelRegistryError("this process's user has no name. Remedy: say who asks for it with --by") from None


def _status(text: str | None) -> Status | None:
    for status in STATUSES:
        if status == text:
            return status
    if text is not None:
        raise UnknownModelError(f"no status {text!r}. Remedy: {', '.join(STATUSES)}")
    return None


def regimes_named(regimes: Sequence[str]) -> list[str]:
    """The regimes, each once; all where none is named.

    Raises:
        UnknownModelError: one is none.
    """
    if strangers := sorted(set(regimes) - set(REGIME_NAMES)):
        raise UnknownModelError(f"no regime {listed(strangers)}. Remedy: {', '.join(REGIME_NAMES)}")
    return list(dict.fromkeys(regimes)) or list(REGIME_NAMES)


def _regimes(regimes: Sequence[str]) -> str:
    return "every regime" if set(regimes) == set(REGIME_NAMES) else ", ".join(regimes)


__all__ = [
    "asker",
    "promote",
    "regimes_named",
    "registry_of",
    "retire",
    "roll_back",
    "show_list",
    "show_rules",
    "the_market",
]
