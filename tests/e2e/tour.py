"""Takes the tour of ``docs/events/webhooks.md``."""

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tests.e2e import harness

TOUR = Path(__file__).parents[2] / "docs/events/webhooks.md"
USER = "anna@nordic-heating.example"
BASE, RECEIVER = "http://localhost:8080", "9999"


def blocks(heading, language):
    """The blocks of code below a heading, in order."""
    section = TOUR.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def take_tour(url, email, folder):
    """Paste it for the platform at ``url``. Nothing is asked for before it can be there: messages are sent in the
    background."""
    ours = {BASE: url, USER: email, RECEIVER: str(harness.free_ports(1))}
    code, script = ("".join(blocks("Five minutes with a receiver", language)) for language in ("python", "sh"))
    for theirs, own in ours.items():
        assert theirs in script
        code, script = code.replace(theirs, own), script.replace(theirs, own)
    (folder / "receive.py").write_text(code)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    tour = subprocess.Popen(
        ["bash", "-eu"],
        stdin=subprocess.PIPE,
        stdout=(folder / "shown").open("wb"),
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=os.environ | {"PATH": path},
        start_new_session=True,
    )
    try:
        tour.communicate(script.encode(), timeout=90)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(tour.pid, signal.SIGKILL)  # the receiver too
    shown = (folder / "shown").read_text()
    assert tour.returncode == 0, shown
    attempts = shown.rpartition('{"items"')[2]
    for event in ("webhooks.Test.v1", "campaigns.CampaignCreated.v1"):
        assert f" {event} " in shown, f"the receiver has not printed {event}: {shown}"
        assert f'"{event}"' in attempts, f"no attempt shows {event}: {shown}"
    assert attempts.count('"status":204') == 2, shown
