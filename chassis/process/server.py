"""Runs one service in one process: gunicorn for HTTP, and a thread for each other role the process was given.

Every role is served the same way, so every process has health and metrics on its port; the endpoints are there only
with the api role.
"""

import gc
import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from chassis.core import logs
from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from chassis.data import audit
from chassis.http import idempotency
from chassis.messaging import consumer, inbox, relay, retries
from chassis.process.background import Background
from chassis.process.service import Runtime, Service, Task
from chassis.process.settings import Settings
from chassis.process.worker import Worker

GRACEFUL = 20  # seconds a stopping worker may finish its requests and its batch
HOUSEKEEPING = 60.0

log = logs.logger(__name__)


def start_roles(runtime: Runtime, roles: Iterable[str]) -> Background:
    """Start the threads of every role but the api, and what the api role repeats beside its web server."""
    background = Background()
    service, database = runtime.service, runtime.database
    is_whole = set(service.roles) <= set(roles)  # what there is to do is committed here
    if "relay" in roles and service.events:
        broker = runtime.broker("relay")
        pause = relay.SELDOM if is_whole else relay.POLL
        publisher = relay.Relay(service.name, database, broker, pause)
        background.run("relay", publisher.run, wake=database.wake_relay, broker=broker)
    for subscriber in service.listeners if "consumer" in roles else ():
        broker = runtime.broker("consumer")
        listening = consumer.Consumer(subscriber, database, broker)
        background.run(f"{subscriber.name} consumer", listening.run, broker=broker)
        background.run(f"{subscriber.name} retries", retries.Retries(subscriber, database, broker).run)
    if "scheduler" in roles:
        for task in (*service.tasks, Task("housekeeping", HOUSEKEEPING, keep_house)):
            every = task.seldom if task.seldom and is_whole else task.every
            bell = task.bell(runtime) if task.bell else None
            background.repeat(task.name, every, partial(_run, task, runtime), bell=bell)
    for task in service.beside_api if "api" in roles else ():
        background.repeat(task.name, task.every, partial(_run, task, runtime), at_exit=True)
    return background


def keep_house(runtime: Runtime) -> bool:
    """Trim what the chassis' tables no longer need, a little at a time."""
    with runtime.database.begin() as session:
        trimmed = [relay.trim_sent(session), inbox.trim_inbox(session), idempotency.trim(session)]
        trimmed.append(audit.trim(session, before=utcnow() - timedelta(days=runtime.settings.keep_audit)))
    return max(trimmed) >= relay.TRIM


def _run(task: Task, runtime: Runtime) -> object:
    with acting_as(Principal.system(runtime.service.name)):
        return task.run(runtime)


class _Logger(Logger):
    """Hands gunicorn's own messages to our logs and leaves the access log to the application."""

    access_log_enabled = False

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self.loglevel = logging.INFO
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class Server(BaseApplication):
    """gunicorn with one worker: more processes are more instances, not more workers (metrics stay exact)."""

    def __init__(self, build: Callable[[], Any], at_exit: Callable[[], None], settings: Settings, name: str) -> None:
        self._build = build
        self._at_exit = at_exit
        self._settings = settings
        self._name = name
        super().__init__()

    def run(self) -> None:
        gc.collect()
        gc.freeze()  # a collection in the worker would write to all that is loaded, which it shares with its parent
        super().run()

    def load_config(self) -> None:
        options = {
            "bind": self._settings.bind,
            "workers": 1,
            "worker_class": Worker,
            "threads": self._settings.threads,
            "worker_connections": 1000,
            "graceful_timeout": GRACEFUL,
            "timeout": 60,
            "keepalive": 75,  # longer than our own pools keep a connection, so that they end it and not we
            "limit_request_line": 8190,
            "limit_request_fields": 64,
            "proc_name": self._name,
            "logger_class": _Logger,
            "control_socket_disable": True,  # all processes of a user would share its path, and it is not used here
            "worker_exit": lambda _server, _worker: self._at_exit(),
        }
        for key, value in options.items():
            self.cfg.set(key, value)

    def load(self) -> Any:
        return self._build()


def serve_app(build: Callable[[], Any], settings: Settings, name: str) -> None:
    """Run a WSGI application that has no roles (the gateway) until SIGTERM."""
    logs.configure(settings.log_level, settings.log_format, service=name)
    Server(build, lambda: None, settings, f"concord {name}").run()


def serve(service: Service, settings: Settings, roles: Iterable[str]) -> None:
    """Run ``service`` with ``roles`` until SIGTERM.

    Raises:
        SettingsError: its own settings are wrong; nothing was started.
    """
    service.check(settings)
    roles = tuple(roles)
    logs.configure(settings.log_level, settings.log_format, service=service.name, role="+".join(roles))
    started: list[tuple[Runtime, Background]] = []

    def build() -> Any:
        runtime = Runtime(service, settings)
        app = runtime.create_app(api="api" in roles)
        started.append((runtime, start_roles(runtime, roles)))
        gc.collect()
        gc.freeze()  # what is there now stays; looking through it again and again would cost each request a little
        return app

    def at_exit() -> None:
        for runtime, background in started:
            background.stop()
            runtime.close()

    Server(build, at_exit, settings, f"concord {service.name} {'+'.join(roles)}").run()
