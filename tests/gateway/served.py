"""Runs the gateway as production does: ``python served.py`` with its settings in the environment."""

from chassis import logs, settings
from chassis.serve import Server
from gateway.app import Gateway, create_app

if __name__ == "__main__":
    chosen = settings.load()
    logs.configure(chosen.log_level, chosen.log_format, service="gateway")
    started: list[Gateway] = []

    def build() -> Gateway:
        started.append(create_app(chosen))
        return started[0]

    Server(build, lambda: [one.close() for one in started], chosen, "concord gateway").run()
