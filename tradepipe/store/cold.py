"""The cold tier: an S3 bucket, or a folder that stands for one. Paths there are the store's own."""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit

import polars as pl

from tradepipe.settings import ColdSettings
from tradepipe.store.errors import StoreError
from tradepipe.store.files import SUFFIX
from tradepipe.store.model import COLD, Generation

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_RETRIES = 3
_PATIENCE = dt.timedelta(seconds=30)
Result = TypeVar("Result")


class ColdTierError(StoreError):
    """The cold tier cannot be reached or refuses us; what is hot can be read all the same."""

    def __init__(self, url: str, doing: str, error: Exception) -> None:
        reason = str(error).split("\n", 1)[0]
        super().__init__(
            f"cold tier {url}: cannot {doing} ({reason}). Remedy: check store.cold.url and store.cold.endpoint, that "
            "the service runs, and AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; hot data can be read meanwhile."
        )


class ColdTier:
    """Files of the store in an object store: put there, verified, listed and removed.

    `address` is what polars appends paths to, `options` its storage options. Credentials come from
    the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_SESSION_TOKEN.

    Raises:
        ValueError: when `url` is neither s3://bucket/prefix nor file:///folder.
    """

    def __init__(self, url: str, endpoint: str | None = None) -> None:
        parts = urlsplit(url)
        is_folder = parts.scheme == "file" and not parts.netloc and parts.path.startswith("/")
        if not is_folder and not (parts.scheme == "s3" and parts.netloc):
            raise ValueError(f"store.cold.url {url!r}: expected s3://bucket/prefix or file:///folder")
        self.url, self.endpoint = url.rstrip("/"), endpoint
        self.folder = Path(unquote(parts.path)) if is_folder else None
        self.address = str(self.folder) if self.folder is not None else self.url
        self.options: Mapping[str, Any] = {} if is_folder else self._polars_options(endpoint)

    @staticmethod
    def _polars_options(endpoint: str | None) -> dict[str, Any]:
        options: dict[str, Any] = {"max_retries": _RETRIES}
        if endpoint is not None:
            options["aws_endpoint_url"] = endpoint
            options["aws_allow_http"] = str(endpoint.startswith("http://")).lower()
        return options

    @cached_property
    def _objects(self) -> "ObjectStore":
        from obstore.store import LocalStore, S3Store  # noqa: PLC0415 - most projects have no cold tier

        if self.folder is not None:
            return LocalStore(self.folder, mkdir=True)
        parts = urlsplit(self.url)
        options: dict[str, Any] = {"prefix": parts.path.strip("/") or None, "endpoint": self.endpoint}
        return S3Store(
            parts.netloc,
            **{name: value for name, value in options.items() if value is not None},
            client_options={"allow_http": (self.endpoint or "").startswith("http://"), "connect_timeout": "5s"},
            retry_config={"max_retries": _RETRIES, "retry_timeout": _PATIENCE},
        )

    def put(self, file: Path, path: str) -> None:
        """Copy a local file to `path`.

        Raises:
            ColdTierError: the service cannot be reached or refuses.
        """
        import obstore  # noqa: PLC0415

        self._try(f"write {path}", lambda: obstore.put(self._objects, path, file))

    def sha256(self, path: str) -> str:
        """sha256 (hexadecimal) of the bytes that are there now.

        Raises:
            FileNotFoundError: nothing is there.
            ColdTierError: the service cannot be reached or refuses.
        """
        digest = hashlib.sha256()
        for chunk in self._chunks(path):
            digest.update(chunk)
        return digest.hexdigest()

    def fetch(self, path: str, target: Path) -> None:
        """Copy what is at `path` to a local file, which appears whole or not at all.

        Raises:
            FileNotFoundError: nothing is there.
            ColdTierError: the service cannot be reached or refuses.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(target.name + ".part")
        with partial.open("wb") as file:
            for chunk in self._chunks(path):
                file.write(chunk)
        partial.rename(target)

    def remove(self, paths: Sequence[str]) -> None:
        """Remove files; those that are gone already are no matter.

        Raises:
            ColdTierError: the service cannot be reached or refuses.
        """
        import obstore  # noqa: PLC0415

        for path in paths:
            try:
                self._try(f"remove {path}", lambda path=path: obstore.delete(self._objects, path))  # type: ignore[misc]
            except FileNotFoundError:
                continue

    def written_before(self, instant: dt.datetime) -> list[str]:
        """Paths of the files last written before `instant` (UTC), sorted.

        Raises:
            ColdTierError: the service cannot be reached or refuses.
        """
        import obstore  # noqa: PLC0415

        def listed() -> list[str]:
            return [
                one["path"]
                for page in obstore.list(self._objects)
                for one in page
                if one["path"].endswith(SUFFIX) and one["last_modified"] < instant
            ]

        return sorted(self._try("list its files", listed))

    def _chunks(self, path: str) -> Iterator[bytes]:
        import obstore  # noqa: PLC0415

        try:
            for chunk in self._try(f"read {path}", lambda: obstore.get(self._objects, path)).stream():
                yield bytes(chunk)
        except obstore.exceptions.BaseError as error:
            raise ColdTierError(self.url, f"read {path}", error) from error

    def _try(self, doing: str, act: Callable[[], Result]) -> Result:
        import obstore  # noqa: PLC0415

        try:
            return act()
        except FileNotFoundError:
            raise
        except (obstore.exceptions.BaseError, OSError) as error:
            raise ColdTierError(self.url, doing, error) from error


@contextmanager
def telling(cold: ColdTier | None) -> Iterator[None]:
    """Turn what polars says of the cold tier's service into a `ColdTierError`.

    Raises:
        ColdTierError: the service cannot be reached or refuses.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, pl.exceptions.ComputeError) as error:
        if cold is not None and cold.address in str(error):
            raise ColdTierError(cold.url, "read", error) from error
        raise


def cold_tier(settings: ColdSettings) -> ColdTier | None:
    """The cold tier that the settings name; None when everything stays on the disk.

    Raises:
        ValueError: when its address is neither s3://bucket/prefix nor file:///folder.
    """
    return ColdTier(settings.url, settings.endpoint) if settings.url else None


def checksum(root: Path, cold: ColdTier | None, generation: Generation) -> str | None:
    """sha256 (hexadecimal) of the bytes of a generation's file as they are now; None when it is gone.

    Raises:
        ColdTierError: when it lies in the cold tier, which cannot be reached.
    """
    if generation.tier == COLD:
        try:
            return None if cold is None else cold.sha256(generation.path)
        except FileNotFoundError:
            return None
    path = root / generation.path
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
