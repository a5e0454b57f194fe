"""Endpoints of payouts: ledger entries, balances, statements."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.http.current import db
from chassis.http.pages import page_of
from services.affiliates.common.dual_mount import READERS, DualMount
from services.affiliates.payouts import queries
from services.affiliates.payouts.schemas import BalancesIn, BalancesOut, LedgerEntryOut, LedgerIn, StatementOut
from services.affiliates.reports.api import AS_CSV, pop_layout, respond
from services.affiliates.reports.schemas import PeriodIn

ledger = DualMount("ledger")
statements = DualMount("statements")

HEAD = ["affiliateId", "affiliateName", "affiliateEmail", "currency", "from", "to",
        "opening", "earned", "takenBack", "closing", "held"]  # fmt: skip


@ledger.route("")
class Ledger(MethodView):
    @ledger.allow(*READERS)
    @ledger.arguments(LedgerIn, location="query")
    @ledger.response(200, page_of(LedgerEntryOut))
    def get(self, filters):
        """Entries, newest first. They are only ever added."""
        with db.read() as session:
            return queries.list_entries(session, **filters)


@ledger.route("/balances")
class Balances(MethodView):
    @ledger.allow(*READERS)
    @ledger.arguments(BalancesIn, location="query")
    @ledger.response(200, BalancesOut)
    def get(self, filters):
        """What each affiliate has held and approved, by currency: sums of the entries."""
        with db.read() as session:
            return {"items": queries.balances(session, **filters)}


@statements.route("")
class Statements(MethodView):
    @statements.allow(*READERS)
    @statements.arguments(PeriodIn, location="query")
    @statements.doc(responses=AS_CSV)
    @statements.response(200, page_of(StatementOut))
    def get(self, filters):
        """What is owed each affiliate for payout: opening, earned, taken back, closing; and what is held besides."""
        layout = pop_layout(filters)
        with db.read() as session:
            rows = queries.statements(session, **filters, now=utcnow())
        return respond(rows, layout, HEAD, lambda row: [row.values()], "statements")
