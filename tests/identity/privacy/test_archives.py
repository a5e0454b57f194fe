"""An archive that holds somebody who is erased afterwards does not stay until its seven days are over."""

from datetime import timedelta

import time_machine

from chassis.core.clock import utcnow
from chassis.core.principal import acting_as
from services.identity.privacy import tasks
from tests.identity.conftest import is_problem
from tests.identity.privacy.conftest import EMAIL, ME, NAME, SYSTEM, archive_of, erase, gather
from tests.identity.test_team import TEAM


def forget(world):
    with acting_as(SYSTEM):
        assert tasks.forget_outdated_exports(world.identity.running.runtime) is False


def export(world, who):
    """The client of somebody who has had the own export made."""
    client = world.identity.running.client(who)
    assert client.post(ME).status_code == 202
    gather(world)
    return client


def test_the_finished_archives_of_colleagues_go_with_an_erased_person(world):
    vera, rolf = export(world, world.Vera), export(world, world.Rolf)
    shown = vera.get(ME).json
    assert EMAIL in str(archive_of(vera, shown))
    forget(world)
    assert archive_of(vera, shown), "nobody is erased yet"
    erase(world, world.Anna)
    forget(world)
    is_problem(vera.get(ME), 404, "not_found")
    is_problem(vera.get(shown["archive"]), 404, "not_found")
    assert rolf.get(rolf.get(ME).json["archive"]).status_code == 200, "another company's stays"
    with time_machine.travel(utcnow() + timedelta(minutes=3)):
        again = export(world, world.Vera)
        forget(world)
        archive = str(archive_of(again, again.get(ME).json))
    assert EMAIL not in archive
    assert NAME not in archive


def test_who_is_erased_while_a_colleagues_export_is_under_way_is_not_in_it(world):
    """A service has shown its rows already, and another one has not forgotten the person yet."""
    vera = world.identity.running.client(world.Vera)
    world.identity.running.disconnect("prm")
    assert vera.post(ME).status_code == 202
    gather(world)
    assert vera.get(ME).json["progress"]["notifier"] == "done"
    fresh = world.identity.running.client(world.identity.fresh(world.Vera))
    assert fresh.post(f"{TEAM}/{world.Anna.user_id}/erase").status_code == 204
    world.identity.running.connect("prm", world.running["prm"])
    with time_machine.travel(utcnow() + timedelta(minutes=3)):
        gather(world)
        forget(world)
        archive = str(archive_of(vera, vera.get(ME).json))
    assert EMAIL.lower() not in archive.lower()
    assert NAME not in archive
    assert "Vera Holm" in archive
