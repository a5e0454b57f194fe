"""Stands where prm would, for what the real one cannot show: being away, answering nonsense or very much."""

import json

from werkzeug import Request, Response


class StandInPrm:
    """Answers the look-up of prm as contracted, or with ``status`` and ``body``; ``app`` is its WSGI application.

    Attributes:
        related: name by id of the retailers with a relationship.
        groups: members by id of the group.
        asked: the questions so far.
    """

    def __init__(self, related=()):
        self.related = {str(tenant_id): name for tenant_id, name in related}
        self.groups = {}
        self.asked = []
        self.status = 200
        self.body = None

    @property
    def app(self):
        return Request.application(self._answer)

    def _answer(self, request):
        if self.status != 200 or self.body is not None:
            return Response(self.body or "", self.status)
        assert (request.method, request.path) == ("POST", "/internal/network/expand")
        assert request.headers["X-Concord-Identity"]
        self.asked.append(request.json)
        return Response(json.dumps(self._expand(request.json)), content_type="application/json")

    def _expand(self, question):
        retailer_ids = list(question["retailerIds"])
        for group in question["groupIds"]:
            retailer_ids += self.groups.get(group, [])
        retailer_ids = list(dict.fromkeys(retailer_ids))
        return {
            "supplierName": "Nordic Heating",
            "related": [
                {"retailerId": retailer_id, "retailerName": self.related[retailer_id]}
                for retailer_id in retailer_ids
                if retailer_id in self.related
            ],
            "skipped": [
                {"retailerId": retailer_id, "retailerName": None, "reason": "no_relationship"}
                for retailer_id in retailer_ids
                if retailer_id not in self.related
            ],
            "unknownGroupIds": [group for group in question["groupIds"] if group not in self.groups],
        }
