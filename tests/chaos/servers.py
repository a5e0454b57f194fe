"""A PostgreSQL and a RabbitMQ of the run's own, which it may kill and bring back. The machine's are never touched."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg

from tests.e2e.harness import free_ports, until

UP_WITHIN = 60  # seconds
RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
# A burst of kills is not what these limits are made for, and starting again must not wait for a dead process' lock.
RESTARTS = 5


@dataclass
class Server:
    """A server process that can be killed with everything below it and started again on the same data."""

    name: str
    command: Sequence[str]
    port: int
    log: Path
    environment: Mapping[str, str]
    user: str | None  # whom to run as; None for ourselves
    leftovers: Sequence[Path] = ()  # files by which a dead process would keep its successor from starting
    is_up: Callable[[int], bool] = field(default_factory=lambda: answers)
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it and wait until it takes connections; again, when a dead process' lock was in the way."""
        for _ in range(RESTARTS):
            for path in self.leftovers:
                path.unlink(missing_ok=True)
            with self.log.open("ab") as log:
                self.process = subprocess.Popen(
                    self.command,
                    env={**os.environ, **self.environment},
                    stdout=log,
                    stderr=log,
                    user=self.user,
                    start_new_session=True,
                    cwd=self.log.parent,
                )
            if self._comes_up():
                return
        raise AssertionError(f"{self.name} does not start: {self.log.read_text(errors='replace')[-2000:]}")

    def kill(self) -> None:
        """SIGKILL to the server and all that descends from it, at once."""
        assert self.process is not None
        with suppress(psutil.NoSuchProcess):
            family = [*psutil.Process(self.process.pid).children(recursive=True), psutil.Process(self.process.pid)]
            for member in family:
                with suppress(psutil.NoSuchProcess):
                    member.send_signal(signal.SIGKILL)
            psutil.wait_procs(family, timeout=10)
        self.process.wait(10)

    def _comes_up(self) -> bool:
        assert self.process is not None
        deadline = time.monotonic() + UP_WITHIN
        while time.monotonic() < deadline and self.process.poll() is None:
            if self.is_up(self.port):
                return True
            time.sleep(0.05)
        return False


def takes_connections(port: int) -> bool:
    """Whether the PostgreSQL there is ready; it listens a moment before that."""
    try:
        psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def has_postgres() -> bool:
    return any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


def are_installed() -> bool:
    return has_postgres() and RABBITMQ.exists()


def url(server: Server) -> str:
    """Of a PostgreSQL, up to the name of the database."""
    return f"postgresql://postgres@127.0.0.1:{server.port}"


@contextmanager
def postgres() -> Iterator[Server]:
    """A cluster in a folder of its own, without passwords, durable as the default is."""
    binaries = _newest("/usr/lib/postgresql/*/bin", "postgres")
    with _folder("postgres") as (folder, user):
        data = folder / "data"
        subprocess.run(
            [f"{binaries}/initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-instructions"],
            check=True,
            capture_output=True,
            user=user,
        )
        port = free_ports(1)
        settings = {
            "port": port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": 300,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [f"{binaries}/postgres", "-D", str(data), *options]
        server = Server("postgres", command, port, folder / "postgres.log", {}, user, (data / "postmaster.pid",))
        server.is_up = takes_connections
        yield from _running(server)


@contextmanager
def rabbitmq() -> Iterator[Server]:
    """A broker node in a folder of its own; ``guest`` may do everything."""
    assert RABBITMQ.exists(), "RabbitMQ is not installed"
    with _folder("rabbitmq") as (folder, user):
        port = free_ports(2)
        (folder / "enabled_plugins").write_text("[].")
        (folder / "environment.conf").touch()  # the machine's would win over ours
        (folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\n")
        environment = {
            "HOME": str(folder),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "environment.conf"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_NODENAME": f"chaos-{uuid4().hex[:8]}@localhost",
            "RABBITMQ_DIST_PORT": str(port + 1),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1",
        }
        yield from _running(Server("rabbitmq", [str(RABBITMQ)], port, folder / "rabbitmq.log", environment, user))


def _running(server: Server) -> Iterator[Server]:
    server.start()
    try:
        until(lambda: server.is_up(server.port), within=UP_WITHIN, what=f"{server.name} getting ready")
        yield server
    finally:
        server.kill()


@contextmanager
def _folder(owner: str) -> Iterator[tuple[Path, str | None]]:
    """A folder for a server, and whom to run it as: neither server runs as root."""
    folder = Path(tempfile.mkdtemp(prefix=f"concord-chaos-{owner}-"))
    user = None
    if os.getuid() == 0:
        user = owner
        entry = pwd.getpwnam(owner)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    try:
        yield folder, user
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _newest(pattern: str, program: str) -> Path:
    paths = sorted(Path("/").glob(pattern.lstrip("/")), key=lambda path: [int(n) for n in path.parts if n.isdigit()])
    assert paths, f"{program} is not installed"
    return paths[-1]
