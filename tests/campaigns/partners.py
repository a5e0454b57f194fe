"""Who has a relationship with whom in the tests of campaigns."""

from uuid import uuid4

from tests.campaigns.standin import StandInPrm


class Partners:
    """The network as the tests arrange it."""

    def __init__(self, prm: StandInPrm):
        self.prm = prm

    def know(self, *retailers):
        for retailer in retailers:
            self.prm.names[str(retailer.tenant_id)] = retailer.tenant_name

    def relate(self, supplier, *retailers):
        self.know(*retailers)
        for retailer in retailers:
            self.prm.related[str(retailer.tenant_id)] = retailer.tenant_name

    def end(self, supplier, retailer):
        del self.prm.related[str(retailer.tenant_id)]

    def group(self, supplier, *retailers):
        group_id = str(uuid4())
        self.regroup(supplier, group_id, *retailers)
        return group_id

    def regroup(self, supplier, group_id, *retailers):
        self.prm.groups[group_id] = [str(retailer.tenant_id) for retailer in retailers]
