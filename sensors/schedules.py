"""Schedules: the research job after each session's close."""

import datetime as dt

import dagster as dg

from sensors.fetch import fetch_job_name
from sensors.jobs import research_job_name
from tradepipe.markets import Market


def close_schedule(market: Market, *, running: bool) -> dg.ScheduleDefinition:
    """Run the research job for the partition of the newest session that has closed.

    Where files have to be fetched first, run the fetch job: the landing sensor sees what lands.

    It ticks every half hour and asks the calendar, so that half days and daylight saving need no
    cron of their own; a session already requested is not requested again.
    """
    fetched = market.settings.fetch.kind != "none"

    @dg.schedule(
        name=f"{market.name}_after_close",
        job_name=fetch_job_name(market) if fetched else research_job_name(market),
        cron_schedule="*/30 * * * *",
        description=f"After each close of {market.name}, once its bars can be known, fills the session in.",
        default_status=dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED,
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        now = context.scheduled_execution_time.astimezone(dt.UTC)
        session = newest_known_session(market, now)
        if session is None:
            return dg.SkipReason(f"No session of {market.name} closed in the last week.")
        key = None if fetched else market.partitions.key_of(session)
        return dg.RunRequest(run_key=f"{market.name}:{session}", partition_key=key)

    return schedule


def newest_known_session(market: Market, now: dt.datetime) -> dt.date | None:
    """The last session within a week whose bars can be known at `now`; None once the market has ended."""
    first, last = max(market.settings.start, now.date() - dt.timedelta(days=7)), now.date()
    if market.settings.end is not None:
        last = min(last, market.settings.end)
    if first > last:
        return None
    bounds = market.calendar.bounds(first, last)
    known = bounds.filter(bounds["close_time"] + market.settings.publication_delay <= now)
    return known["session"].max() if known.height else None
