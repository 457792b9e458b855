import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def modules(room):
    return [path.stem for path in room.glob("[a-z]*.py")] + [
        path.parent.name for path in room.glob("[a-z]*/__init__.py")
    ]


def test_the_map_of_the_room_names_every_module():
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    section = text.split("## How a forecast comes to be")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)/?`", " ".join(rows))) == sorted(modules(ROOT / "tradepipe/forecasting"))


@pytest.fixture
def page():
    return (ROOT / "docs/forecasting.md").read_text(encoding="utf-8")


def test_the_page_names_every_member_and_engine(page):
    from typing import get_args

    from tradepipe.contracts.forecasts import MEMBER_ENGINES
    from tradepipe.settings.forecasts import MemberName

    section = page.split("## Members and engines")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(get_args(MemberName))
    assert set(re.findall(r"^- \*\*(\w+)\*\*:", page, re.MULTILINE)) == set(MEMBER_ENGINES)


def test_settings_and_files_that_the_page_names_are_there(page):
    from tradepipe.settings.forecasts import ForecastSettings

    for section, key in re.findall(r"`(ensemble|drift|promotion|retraining|audit)\.(\w+)`", page):
        assert key in ForecastSettings.model_fields[section].annotation.model_fields, (section, key)
    for path in re.findall(r"`((?:tradepipe|tests)/[\w/.]+)`", page):
        assert (ROOT / path).exists(), path
    for link in re.findall(r"\]\(([\w/.-]+\.md)", page):
        assert (ROOT / "docs" / link).exists(), link
