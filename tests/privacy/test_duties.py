"""What a service takes on with its duties: only the parts that it declares anything for, and after its own."""

from dataclasses import replace

import pytest

from chassis.process.service import Runtime
from privacy import people_duty, tenants_duty
from privacy.people_duty import PeopleDuty
from privacy.tenant_data import TenantData
from privacy.tenants_duty import TenantsDuty
from tests.chassis.sample import Note, service

NOTES = TenantData(Note, "Notes.")
KEPT_NOTES = TenantData(Note, "Notes.", steps=())
NAMES_OF_TASKS = {"erasures", "endings"}


def handlers(declaration):
    return [subscription for listener in declaration.listeners for subscription in listener.subscriptions]


def tasks(declaration):
    return {task.name for task in declaration.tasks} & NAMES_OF_TASKS


def test_a_service_without_duties_neither_forgets_nor_ends():
    assert people_duty.begin_erasure not in handlers(service)
    assert tenants_duty.begin_ending not in handlers(service)
    assert tasks(service) == set()
    with pytest.raises(LookupError, match="sample has no PeopleDuty"):
        service.duty(PeopleDuty)


def test_a_service_forgets_people_even_where_its_tables_hold_nothing_of_them():
    forgetting = replace(service, duties=(PeopleDuty(()),))
    assert forgetting.listeners[0].subscriptions == (*service.subscriptions, people_duty.begin_erasure)
    assert tasks(forgetting) == {"erasures"}
    assert forgetting.duty(PeopleDuty).tables == people_duty.CHASSIS


@pytest.mark.parametrize(("tables", "ends"), [((), False), ((KEPT_NOTES,), False), ((NOTES,), True)])
def test_only_steps_make_a_service_end_tenants(tables, ends):
    ending = replace(service, duties=(TenantsDuty(tables),))
    assert (tenants_duty.begin_ending in handlers(ending)) == ends
    assert tasks(ending) == ({"endings"} if ends else set())
    assert ending.duty(TenantsDuty).tables == (*tables, *tenants_duty.CHASSIS)


def test_a_duty_brings_its_endpoint(test_settings):
    dutiful = replace(service, duties=(PeopleDuty(()), TenantsDuty(())))
    endpoints = {"/internal/people/<uuid:user_id>", "/internal/tenant-rows/<uuid:tenant_id>"}
    assert internal_paths(service, test_settings) == set()
    assert internal_paths(dutiful, test_settings) == endpoints


def internal_paths(declaration, settings):
    runtime = Runtime(declaration, settings)
    rules = runtime.create_app().url_map.iter_rules()
    runtime.close()
    return {rule.rule for rule in rules if rule.rule.startswith("/internal/")}
