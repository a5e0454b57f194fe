"""The ledger: what came to affiliates' accounts and what left them, and what that comes to."""

from flask.views import MethodView

from chassis.http.current import db
from chassis.http.pages import page_of
from services.affiliates import queries
from services.affiliates.common.dual_mount import MERCHANT, Doors
from services.affiliates.conversions.schemas import BalancesIn, BalancesOut, LedgerEntryOut, LedgerIn

doors = Doors("ledger")


@doors.route("")
class Ledger(MethodView):
    @doors.allow(*MERCHANT)
    @doors.arguments(LedgerIn, location="query")
    @doors.response(200, page_of(LedgerEntryOut))
    def get(self, wanted):
        """Entries, newest first. They are only ever added."""
        with db.read() as session:
            return queries.ledger.entries(session, **wanted)


@doors.route("/balances")
class Balances(MethodView):
    @doors.allow(*MERCHANT)
    @doors.arguments(BalancesIn, location="query")
    @doors.response(200, BalancesOut)
    def get(self, wanted):
        """What each affiliate has held and approved, by currency: sums of the entries."""
        with db.read() as session:
            return {"items": queries.ledger.balances(session, **wanted)}
