"""Where the project's own files are, in a source checkout and in an installed wheel."""

from functools import cache
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent


@cache
def source_checkout() -> Path | None:
    """The repository's root when running from a checkout or an editable install, else None."""
    root = _PACKAGE.parent
    return root if (root / "pyproject.toml").is_file() and (root / "conf").is_dir() else None


def conf_folder() -> Path:
    """Folder with base.yaml, the overlays and markets/."""
    root = source_checkout()
    return root / "conf" if root else _PACKAGE / "_conf"


def manifests_folder() -> Path:
    """Folder with universes and the manifests of published datasets."""
    root = source_checkout()
    return root / "data" / "manifests" if root else _PACKAGE / "_manifests"


def sql_folder() -> Path:
    """Folder with the SQL files, one SELECT a file."""
    root = source_checkout()
    return root / "dbt_like_sql" if root else _PACKAGE / "_sql"


def default_home() -> Path:
    """Folder for everything tradepipe writes: `var/` of a checkout, else the user's data folder."""
    root = source_checkout()
    return root / "var" if root else Path(platformdirs.user_data_dir("tradepipe"))
