from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

BASE = """\
environment: dev
store:
  grace: PT1H
market_defaults:
  indicators: [sma(20)]
  forecasts:
    horizon: 5
  execution:
    costs:
      fee_bps: "1.0"
"""
DEV = "automation: true\n"
MARKET = """\
name: alpha
description: A market
currency: USD
calendar: XNYS
interval: 1d
partition: month
start: 1999-01-01
universe: alpha
source:
  pattern: alpha/*.csv
"""

VALID = {"base.yaml": BASE, "dev.yaml": DEV, "test.yaml": "{}\n", "prod.yaml": "{}\n", "markets/alpha.yaml": MARKET}

WriteConf = Callable[[Mapping[str, str | bytes | None]], Path]


@pytest.fixture
def valid_files() -> Mapping[str, str]:
    return VALID


@pytest.fixture
def write_conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WriteConf:
    """Write a small valid conf folder, with some files replaced (None: left out), into the current directory."""
    monkeypatch.chdir(tmp_path)

    def write(files: Mapping[str, str | bytes | None]) -> Path:
        for name, content in {**VALID, **files}.items():
            if content is None:
                continue
            file = tmp_path / "conf" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return Path("conf")

    return write
