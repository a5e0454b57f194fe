"""Senders killed in the middle: nothing is missing, and what comes twice is known as the same mail."""

import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta

import time_machine

from chassis.clock import utcnow
from services.notifier import settings
from tests.notifier.helpers import deliveries, queue, send, states

MAILS = 10
KILLS = 2


def start_sender(notifier):
    url = notifier.database.engine.url.render_as_string(hide_password=False)
    arguments = [sys.executable, "-m", "tests.notifier.sender_child", url, str(notifier.runtime.settings.keys)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ.copy())


def test_no_mail_is_missing_after_kills_and_a_double_has_the_same_message_id(notifier, inbox):
    """Each sender is killed when the server has taken its third mail but not yet said so."""
    queue(notifier, MAILS)
    wanted = {row.message_id for row in deliveries(notifier)}
    for _ in range(KILLS):
        child = start_sender(notifier)
        upto = len(inbox.taken) + 3

        def kill(taken, child=child, upto=upto):
            if len(taken) == upto:
                os.kill(child.pid, signal.SIGKILL)
                child.wait()

        inbox.before_answer = kill
        _out, errors = child.communicate(timeout=30)
        assert child.returncode == -signal.SIGKILL, errors.decode()
    inbox.before_answer = lambda taken: None
    assert Counter(states(notifier)) == {"sent": 2 * KILLS, "sending": KILLS, "new": MAILS - 3 * KILLS}
    with time_machine.travel(utcnow() + settings.load().lease + timedelta(seconds=1)):
        send(notifier)
    assert states(notifier) == ["sent"] * MAILS
    arrived = Counter(inbox.message_ids)
    assert set(arrived) == wanted
    assert sum(arrived.values()) == MAILS + KILLS
