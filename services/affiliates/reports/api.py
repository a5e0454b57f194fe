"""Reports and statements, as JSON in pages or as a table for a spreadsheet."""

from flask import Response
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.http.current import db
from chassis.http.pages import Page, page_of
from services.affiliates import queries
from services.affiliates.common.dual_mount import MERCHANT, Doors
from services.affiliates.reports.rules import By, to_csv, usual_period
from services.affiliates.reports.schemas import PeriodIn, ReportIn, ReportRowOut, StatementOut

reports = Doors("reports")
statements = Doors("statements")

AS_CSV = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}
"""What the document says of ``format=csv``."""


@reports.route("")
class Reports(MethodView):
    @reports.allow(*MERCHANT)
    @reports.arguments(ReportIn, location="query")
    @reports.doc(responses=AS_CSV)
    @reports.response(200, page_of(ReportRowOut))
    def get(self, wanted):
        """Clicks, conversions, their rate and commission by state, for each campaign, affiliate, product or day."""
        page, as_csv = _taken_out(wanted)
        by = By(wanted.pop("by"))
        with db.read() as session:
            rows = queries.reports.report(session, _period(session, wanted), by, **wanted)
        return (
            _table(REPORT, (line for row in rows for line in _lines(row)), f"{by}s") if as_csv else _page(rows, *page)
        )


@statements.route("")
class Statements(MethodView):
    @statements.allow(*MERCHANT)
    @statements.arguments(PeriodIn, location="query")
    @statements.doc(responses=AS_CSV)
    @statements.response(200, page_of(StatementOut))
    def get(self, wanted):
        """What is owed each affiliate for payout: opening, earned, taken back, closing; and what is held besides."""
        page, as_csv = _taken_out(wanted)
        with db.read() as session:
            found = queries.reports.statements(session, _period(session, wanted), **wanted)
        return _table(STATEMENT, (each.values() for each in found), "statements") if as_csv else _page(found, *page)


REPORT = ["key", "name", "clicks", "deadClicks", "conversions", "rate", "currency", "held", "approved", "reversed"]
STATEMENT = ["affiliateId", "affiliateName", "affiliateEmail", "currency", "from", "to",
             "opening", "earned", "takenBack", "closing", "held"]  # fmt: skip


def _taken_out(wanted):
    """Page, page size and whether it is to be a table."""
    return (wanted.pop("page"), wanted.pop("page_size")), wanted.pop("format") == "csv"


def _period(session, wanted):
    now = utcnow()
    zone = queries.merchants.merchant(session, now).zone
    return usual_period(wanted.pop("since", None), wanted.pop("until", None), now, zone)


def _page(found, page, page_size):
    start = (page - 1) * page_size
    return Page(found[start : start + page_size], page, page_size, len(found))


def _lines(row):
    """A line for the first currency with all there is, and one with the money alone for each further one."""
    counts = [row.clicks, row.dead_clicks, row.conversions, row.rate]
    money = [[each.currency, each.held, each.approved, each.reversed] for each in row.commission] or [[None] * 4]
    yield [row.key, row.name, *counts, *money[0]]
    for further in money[1:]:
        yield [row.key, row.name, *[None] * len(counts), *further]


def _table(head, lines, name):
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(to_csv(head, lines), content_type="text/csv; charset=utf-8", headers=headers)
