"""A prefix of an S3 bucket as a source: objects are mirrored to the landing folder, each version once.

Credentials come from the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what else the
AWS tools know; AWS_SKIP_SIGNATURE=true for public buckets).
"""

import datetime as dt
import hashlib
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from tradepipe.ingest.sources.landed import Landed, versions_in
from tradepipe.ingest.sources.model import Delivery, Failure, SourceFailedError
from tradepipe.markets import Market

_SETTLED = 2.0  # seconds
_MD5 = re.compile(r"[0-9a-f]{32}")
REMEDY = "check the endpoint, the bucket's policy and the AWS_… variables, then run again; what is missing is fetched"


@dataclass(frozen=True)
class _Object:
    key: str  # below the prefix
    size: int
    etag: str
    modified: dt.datetime


class S3Source:
    """Objects below `fetch.url`. A landed file is an object's if its size and time, or its MD5, are the object's."""

    def __init__(self, market: Market) -> None:
        self._market, self._fetch = market, market.settings.fetch
        self._store: Any = None

    def deliveries(self, landed: Landed, *, limit: int | None = None) -> Iterator[Delivery | Failure]:
        """See `Source`: objects that have not landed as they are now, by key.

        Raises:
            SourceFailedError: the bucket cannot be listed.
        """
        given = 0
        at_once = min(self._fetch.chunk, limit or self._fetch.chunk)
        missing = self._missing(landed)
        with ThreadPoolExecutor(self._fetch.workers, "s3") as pool:
            while batch := list(islice(missing, at_once)):
                for found in pool.map(self._fetched, batch):
                    yield found
                    given += isinstance(found, Delivery)
                    if given == limit:
                        return

    def waiting(self, landed: Landed) -> list[str]:
        """What has not landed as it is now, each object told from its later versions; none is downloaded.

        Raises:
            SourceFailedError: the bucket cannot be listed.
        """
        return [f"{self._name(one)} {one.size} {one.etag} {one.modified}" for one in self._missing(landed)]

    def close(self) -> None:
        """The client keeps its own pool and closes it when it goes."""
        self._store = None

    def _name(self, one: _Object) -> str:
        return f"{self._market.name}/{one.key}"

    def _missing(self, landed: Landed) -> Iterator[_Object]:
        folders: dict[Path, dict[str, list[Path]]] = {}
        return (one for one in self._listed() if landed.full or not self._has_landed(one, landed.folder, folders))

    def _has_landed(self, one: _Object, folder: Path, folders: dict[Path, dict[str, list[Path]]]) -> bool:
        """Whether the version that landed last is the object as it is now. `folders`: those looked into so far."""
        path = folder / self._name(one)
        try:
            if path.parent not in folders:
                folders[path.parent] = versions_in(path.parent)
        except OSError:  # no name for a folder: landing says so
            return False
        there = folders[path.parent].get(path.name, [])
        return bool(there) and _is(there[-1], one)

    def _listed(self) -> list[_Object]:
        import obstore  # noqa: PLC0415 - only where S3 is used

        try:
            pages = list(obstore.list(self._opened()))
        except (obstore.exceptions.BaseError, OSError) as error:
            raise SourceFailedError(
                f"{self._market.name}: {self._fetch.url} cannot be listed: {_said(error)}. Remedy: {REMEDY}."
            ) from None
        found = [_object(meta) for page in pages for meta in page]
        return sorted((one for one in found if not one.key.endswith("/")), key=lambda one: one.key)

    def _fetched(self, one: _Object) -> Delivery | Failure:
        import obstore  # noqa: PLC0415

        try:
            content = bytes(obstore.get(self._opened(), one.key).bytes())
        except (obstore.exceptions.BaseError, OSError) as error:  # one object never stops the others
            return Failure(f"{self._market.name} {one.key}", _said(error), REMEDY)
        return Delivery(self._name(one), content, modified=one.modified)

    def _opened(self) -> Any:
        if self._store is None:
            from obstore.store import S3Store  # noqa: PLC0415

            address = urllib.parse.urlsplit(str(self._fetch.url))
            if address.scheme != "s3" or not address.netloc:
                raise SourceFailedError(
                    f"{self._market.name}: fetch.url is {self._fetch.url!r}. Remedy: say s3://bucket/prefix."
                )
            endpoint = self._fetch.endpoint
            told: dict[str, Any] = {"endpoint": endpoint, "virtual_hosted_style_request": False} if endpoint else {}
            self._store = S3Store(
                address.netloc,
                prefix=address.path.strip("/") or None,
                client_options={
                    "allow_http": bool(endpoint and endpoint.startswith("http:")),
                    "timeout": self._fetch.timeout,
                },
                retry_config={
                    "max_retries": self._fetch.attempts - 1,
                    "backoff": {"max_backoff": self._fetch.longest_wait},
                    "retry_timeout": self._fetch.longest_wait * self._fetch.attempts,
                },
                **told,
            )
        return self._store


def _object(meta: Mapping[str, Any]) -> _Object:
    return _Object(meta["path"], meta["size"], (meta["e_tag"] or "").strip('"'), meta["last_modified"])


def _is(path: Path, one: _Object) -> bool:
    """True if the landed file is the object as it is now.

    The time of the landed file is the object's; it tells once the object was older than its time's
    resolution when it landed. Where it does not, the ETag of an object that was put in one part
    does, which is its MD5.
    """
    status, modified = path.stat(), one.modified.timestamp()
    if status.st_size != one.size:
        return False
    if abs(status.st_mtime - modified) < 0.001 and status.st_ctime - modified > _SETTLED:
        return True
    return bool(_MD5.fullmatch(one.etag)) and _md5(path) == one.etag


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _said(error: Exception) -> str:
    """What a person needs of the message: obstore appends its own inner state."""
    return " ".join(str(error).split("Debug source:")[0].split())[:300]
