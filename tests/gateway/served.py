"""Runs the gateway as production does: ``python served.py`` with its settings in the environment."""

from chassis.process import settings
from chassis.process.server import serve_app
from gateway.app import create_app

if __name__ == "__main__":
    chosen = settings.load()
    serve_app(lambda: create_app(chosen), chosen, "gateway")
