"""``concord up``: the whole platform on one machine, one process a service with all of its roles, and the gateway."""

import multiprocessing
import os
import socket
import sys
import threading
import time

import requests

from chassis.core import logs
from chassis.data import migrate
from chassis.process.service import Runtime
from chassis.process.settings import Settings
from concord import demo, platform, topology
from concord.demo_user import PASSWORD
from concord.keys import create_keys
from concord.supervisor import Command, Printer, Supervisor

READY_WITHIN = 60.0  # seconds

log = logs.logger(__name__)


def start(settings: Settings, *, with_demo: bool) -> None:
    """Create keys, databases and queues, start every process and say when all are ready. Return when all have stopped.

    A process that ends later is started again. A process that cannot start stops everything, with a message.
    """
    logs.configure("WARNING", "console")
    _refuse_taken_ports(settings)
    names = [*platform.SERVICES, platform.GATEWAY]
    create_keys(settings.keys, names)
    environment = _environment(settings)
    _prepare(settings, with_demo)
    printer = Printer(sys.stdout.buffer, names, colour=sys.stdout.isatty())
    supervisor = Supervisor([_command(name, settings, environment) for name in names], printer)
    threading.Thread(target=_greet, args=(settings, supervisor, with_demo), daemon=True).start()
    sys.exit(supervisor.run())


def _command(name: str, settings: Settings, environment: dict[str, str]) -> Command:
    bind = {"CONCORD_BIND": f"127.0.0.1:{platform.port_of(name, settings.port)}"}
    threads = {"CONCORD_THREADS": str(platform.THREADS[name])} if name in platform.THREADS else {}
    return Command(name, [sys.executable, "-m", "concord", "run", name], threads | environment | bind)


def _refuse_taken_ports(settings: Settings) -> None:
    """A foreign process at one of our ports would receive our requests."""
    for name in (platform.GATEWAY, *platform.SERVICES):
        port = platform.port_of(name, settings.port)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                sys.exit(f"Port {port} ({name}) is in use. Stop the process that listens there, or set CONCORD_PORT.")


def _environment(settings: Settings) -> dict[str, str]:
    """The environment of the processes: this one's, with the addresses of all services."""
    services = ",".join(
        f"{name}=http://127.0.0.1:{platform.port_of(name, settings.port)}" for name in platform.SERVICES
    )
    environment = dict(os.environ)
    environment.setdefault("CONCORD_LOG_FORMAT", "console")
    environment.setdefault("CONCORD_LOG_LEVEL", "WARNING")
    return environment | {"CONCORD_SERVICES": services, "CONCORD_HOME": str(settings.home), "PYTHONUNBUFFERED": "1"}


def _prepare(settings: Settings, with_demo: bool) -> None:
    """Prepare databases and queues in another process: it loads every service, and this process needs none of them."""
    process = multiprocessing.Process(target=_migrate_and_declare, args=(settings, with_demo))
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(process.exitcode)


def _migrate_and_declare(settings: Settings, with_demo: bool) -> None:
    settings.home.mkdir(parents=True, exist_ok=True)
    for name in platform.SERVICES:
        if settings.development:
            migrate.create_missing(settings.database_url_of(name))
        runtime = Runtime(platform.load(name), settings)
        try:
            migrate.upgrade(runtime.service, runtime.database.engine)
        except Exception as error:
            log.error("migration failed", service=name, exc_info=error)
            sys.exit(f"The database of {name} could not be migrated: {error}")
        if name == "identity" and with_demo:
            demo.create_operator(runtime)
        runtime.close()
    topology.declare(settings)


def _greet(settings: Settings, supervisor: Supervisor, with_demo: bool) -> None:
    base = f"http://127.0.0.1:{settings.port}"
    started = time.monotonic()
    if not _wait_until_ready(settings, supervisor):
        print("Concord did not start. The messages above say why.", flush=True)
        return
    print(f"\nConcord is ready after {time.monotonic() - started:.1f} s.", flush=True)
    try:
        if with_demo and settings.development:
            demo.seed(base, say=lambda text: print(text, flush=True))
    except Exception as error:
        print(f"Demo data could not be written: {error}", flush=True)
    print(_welcome(settings, with_demo=with_demo), flush=True)


def _wait_until_ready(settings: Settings, supervisor: Supervisor) -> bool:
    names = [platform.GATEWAY, *platform.SERVICES]
    unready = {name: f"http://127.0.0.1:{platform.port_of(name, settings.port)}/health/ready" for name in names}
    deadline = time.monotonic() + READY_WITHIN
    while unready and time.monotonic() < deadline:
        for name in [name for name, url in unready.items() if _answers(url)]:
            supervisor.started(name)
            del unready[name]
        time.sleep(0.1)
    for name in unready:
        supervisor.started(name)  # it runs, and may become ready later
    return not unready


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=1).ok
    except requests.RequestException:
        return False


def _welcome(settings: Settings, *, with_demo: bool) -> str:
    url = settings.public_url
    lines = ["", f"  API        {url}/api/v1", f"  API docs   {url}/docs", f"  Mailbox    {url}/dev/mailbox", ""]
    if with_demo:
        lines += [f"  Demo accounts (password {PASSWORD})"]
        lines += [f"    {account.email:38} {account.role}" for account in demo.ACCOUNTS]
    else:
        lines += ["  No account yet? Create one: concord operator EMAIL"]
    return "\n".join([*lines, "", "  Ctrl-C stops everything.", ""])
