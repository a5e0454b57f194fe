"""Senders killed in the middle: nothing is missing, and what comes twice is known as the same mail."""

import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import event

from chassis.core.clock import utcnow
from chassis.core.principal import acting_as
from services.notifier.outbound import channels, claims, sender, settlement
from services.notifier.outbound.channels.base import Channel
from tests.notifier.helpers import SYSTEM, deliveries, mark, own_settings, queue, send, states

KILLS = 2
MAILS = KILLS * claims.LIMIT + 4


def start_sender(notifier):
    url = notifier.database.engine.url.render_as_string(hide_password=False)
    arguments = [sys.executable, "-m", "tests.notifier.outbound.sender_child", url, str(notifier.runtime.settings.keys)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ.copy())


def test_no_mail_is_missing_after_kills_and_a_double_has_the_same_message_id(notifier, inbox):
    """Each sender is killed when the server has taken its third mail but not yet said so.

    What else it had claimed waits for the end of the lease as well, and comes once.
    """
    queue(notifier, MAILS)
    expected = {row.message_id for row in deliveries(notifier)}
    for _ in range(KILLS):
        child = start_sender(notifier)
        upto = len(inbox.taken) + 3

        def kill(mails, child=child, upto=upto):
            if len(mails) == upto:
                os.kill(child.pid, signal.SIGKILL)
                child.wait()

        inbox.before_answer = kill
        _out, errors = child.communicate(timeout=30)
        assert child.returncode == -signal.SIGKILL, errors.decode()
    inbox.before_answer = lambda mails: None
    counts = Counter(states(notifier))
    assert counts == {
        "sent": 2 * KILLS,
        "sending": KILLS * (claims.LIMIT - 2),
        "new": MAILS - KILLS * claims.LIMIT,
    }
    with time_machine.travel(utcnow() + own_settings(notifier).lease + timedelta(seconds=1)):
        send(notifier)
    assert states(notifier) == ["sent"] * MAILS
    arrived = Counter(inbox.message_ids)
    assert set(arrived) == expected
    assert sum(arrived.values()) == MAILS + KILLS


STEPS = {
    # killed: (copies that arrive in the end, and the state) of a mail that must arrive and of one that comes once
    "before the claim is committed": ((1, "sent"), (1, "sent")),
    "before it is handed over": ((1, "sent"), (0, "uncertain")),
    "when it was taken but not confirmed": ((2, "sent"), (1, "uncertain")),
    "when it was confirmed": ((2, "sent"), (1, "uncertain")),
    "before its outcome is committed": ((2, "sent"), (1, "uncertain")),
    "afterwards": ((1, "sent"), (1, "sent")),
}


@pytest.mark.parametrize("category", ["must-arrive", "once"])
@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_each_step_of_a_mails_life(notifier, inbox, step, category):
    """None that must arrive is missing, and a copy has the same Message-ID; none that comes once comes twice, and
    what nobody knows is listed."""
    queue(notifier)
    mark(notifier, category=category)
    child = fork_sender(notifier, step)
    if step == "when it was taken but not confirmed":
        inbox.before_answer = lambda _taken: os.kill(child, signal.SIGKILL)
    _pid, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    inbox.before_answer = lambda _taken: None
    with time_machine.travel(utcnow() + own_settings(notifier).lease + timedelta(seconds=1)):
        send(notifier)
    copies, state = STEPS[step][category == "once"]
    [row] = deliveries(notifier)
    assert (len(inbox.taken), row.state) == (copies, state)
    assert set(inbox.message_ids) <= {row.message_id}
    assert bool(row.last_error) == (state == "uncertain")


def fork_sender(notifier, step):
    """A sender in a process of its own that is killed at a step; its id."""
    notifier.database.engine.dispose()
    child = os.fork()
    if child:
        return child
    try:
        notifier.database.engine.dispose(close=False)
        run_until_killed(notifier, step)
    finally:
        os._exit(1)


def run_until_killed(notifier, step):
    engine = notifier.database.engine

    def before_commit(connection):
        if step == "before the claim is committed" and not connection.get_execution_options().get("concord_read"):
            die()

    event.listen(engine, "commit", before_commit)
    if step == "before its outcome is committed":
        settlement.success = lambda _claim, _now: die()
    with acting_as(SYSTEM):
        sender.send_batch(notifier.runtime, Mortal(channels.connect(own_settings(notifier)), step))
        if step == "afterwards":
            die()


class Mortal(Channel):
    """A channel that is killed together with its sender."""

    def __init__(self, channel, step):
        self.channel, self.step = channel, step

    def announce(self, letter):
        if self.step == "before it is handed over":
            die()
        self.channel.announce(letter)

    def transfer(self, letter):
        self.channel.transfer(letter)

    def confirm(self, letter):
        self.channel.confirm(letter)
        if self.step == "when it was confirmed":
            die()

    def close(self):
        self.channel.close()


def die():
    os.kill(os.getpid(), signal.SIGKILL)
