"""A sender in a process of its own, to be killed: sends what is due until it ends."""

import os
import sys
from dataclasses import replace
from pathlib import Path

from chassis.core.principal import Principal, acting_as
from chassis.process import settings
from chassis.process.service import Runtime
from services.notifier import service
from services.notifier.outbound import sender


def main(database_url: str, keys: str) -> None:
    runtime = Runtime(service, replace(settings.load(), database_url=database_url, keys=Path(keys)))
    print(os.getpid(), flush=True)
    with acting_as(Principal.system("notifier")):
        while sender.send_due(runtime):
            pass


if __name__ == "__main__":
    main(*sys.argv[1:])
