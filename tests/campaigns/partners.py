"""Who has a relationship with whom in the tests of campaigns: arranged in prm as its users would."""

from uuid import uuid4

from tests.plugin import ServiceUnderTest, sample_event
from tests.plugin.snapshots import Snapshot

RELATIONSHIPS = "/api/v1/prm/relationships"
GROUPS = "/api/v1/prm/groups"


class Partners:
    """The network in ``prm``, a running service."""

    def __init__(self, prm: ServiceUnderTest):
        self.prm = prm
        self.relationships = {}

    def know(self, *people):
        """Tell prm that these people's tenants exist."""
        self.prm.deliver(*[_created(person) for person in people])

    def relate(self, supplier, *retailers):
        """The supplier invites each retailer, who accepts."""
        self.know(supplier, *retailers)
        for retailer in retailers:
            body = {"retailerId": str(retailer.tenant_id)}
            relationship = self._post(supplier, RELATIONSHIPS, body)
            address = f"{RELATIONSHIPS}/{relationship['id']}"
            assert self._post(retailer, f"{address}/accept")["status"] == "Active"
            self.relationships[supplier.tenant_id, retailer.tenant_id] = address

    def pause(self, supplier, retailer):
        self._post(supplier, f"{self.relationships[supplier.tenant_id, retailer.tenant_id]}/pause")

    def end(self, supplier, retailer):
        self._post(supplier, f"{self.relationships[supplier.tenant_id, retailer.tenant_id]}/end")

    def group(self, supplier, *retailers):
        """The id of a new group."""
        return self._post(supplier, GROUPS, {"name": f"Group {uuid4()}", **_members(retailers)})["id"]

    def regroup(self, supplier, group_id, *retailers):
        body = {"name": f"Group {group_id}", **_members(retailers)}
        answer = self.prm.client(supplier).put(f"{GROUPS}/{group_id}", json=body)
        assert answer.status_code == 200, answer.json

    def _post(self, person, address, body=None):
        answer = self.prm.client(person).post(address, **({} if body is None else {"json": body}))
        assert answer.status_code in (200, 201), answer.json
        return answer.json


def network_of(asking, prm, relations):
    """A network beside the service that asks prm for it: each supplier with its retailers. It is brought about once."""
    network = Partners(prm)
    asking.connect("prm", prm)
    key = (prm, str(relations))
    if key in _made:
        snapshot, addresses = _made[key]
        snapshot.write_back()
        network.relationships.update(addresses)
        return network
    for supplier, retailers in relations.items():
        network.relate(supplier, *retailers)
    _made[key] = Snapshot.of(prm), dict(network.relationships)
    return network


_made = {}


def _members(retailers):
    return {"retailerIds": [str(person.tenant_id) for person in retailers]}


def _created(person):
    data = {
        "tenantId": str(person.tenant_id),
        "name": person.tenant_name,
        "kind": person.tenant_kind,
        "timeZone": "Europe/Oslo",
        "features": sorted(person.features),
    }
    return sample_event("identity.TenantCreated.v2", data, subject=str(person.tenant_id), sequence=1)
