"""`tradepipe demo`: the whole chain on the bars that the `arch` package ships."""

from pathlib import Path

from rich.console import Console

from tradepipe.commands.collected import collect
from tradepipe.commands.project import Project
from tradepipe.commands.status import show_update
from tradepipe.ingest import write_demo_files
from tradepipe.reporting import render_summary, summarise, write_report

MARKET = "us_indices"


def run_demo(project: Project, console: Console, report: Path | None) -> None:
    """Deliver the vendor files, bring the market up to date, print a summary and write the report."""
    market = project.market(MARKET)
    files = write_demo_files(project.settings.landing_folder)
    console.print(f"{len(files)} vendor files in {project.settings.landing_folder / MARKET}")
    done = show_update(project, market, console, first=None, last=None, execute=True)
    data = collect(project, market)
    written = report or project.settings.home / "report.html"
    if not done.nothing_done or not written.exists():
        write_report(written, data)
    render_summary(console, summarise(data))
    console.print(f"report: {written}")
    console.print("next: `make dev` opens the Dagster UI on this data; `tradepipe why ORDER` explains an order")
