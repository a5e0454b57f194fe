"""Takes the tours that documents describe: of ``docs/events/webhooks.md``, and the first minutes of the README."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tests.e2e import harness

ROOT = Path(__file__).parents[2]
TOUR, README = ROOT / "docs/events/webhooks.md", ROOT / "README.md"
USER = "anna@nordic-heating.example"
BASE, RECEIVER = "http://localhost:8080", "9999"


def blocks(heading, language, document=TOUR):
    """The blocks of code below a heading, in order."""
    section = document.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
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


def accept_invitation(url):
    """Paste the README's first minutes, up to the colleague who joins by the link in a mail; return the JSON documents
    that were shown."""
    script = "".join(blocks("Five minutes with curl", "sh", README)[:2])
    assert BASE in script
    assert "/session/accept-invitation" in script
    shown = subprocess.run(
        ["bash", "-eu"], input=script.replace(BASE, url), capture_output=True, text=True, timeout=90, check=True
    )
    decoder, text, documents = json.JSONDecoder(), shown.stdout.lstrip(), []
    while text:
        document, end = decoder.raw_decode(text)
        documents.append(document)
        text = text[end:].lstrip()
    return documents
