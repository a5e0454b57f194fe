"""Endpoint of reports, as JSON in pages or as a CSV table."""

from flask import Response
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.http.current import db
from chassis.http.pages import Page, page_of
from services.affiliates.common.dual_mount import READERS, DualMount
from services.affiliates.reports import queries
from services.affiliates.reports.rules import to_csv
from services.affiliates.reports.schemas import ReportIn, ReportRowOut

blp = DualMount("reports")

AS_CSV = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}
"""What the OpenAPI document says of ``format=csv``."""
HEAD = ["key", "name", "clicks", "deadClicks", "conversions", "rate", "currency", "held", "approved", "reversed"]


@blp.route("")
class Reports(MethodView):
    @blp.allow(*READERS)
    @blp.arguments(ReportIn, location="query")
    @blp.doc(responses=AS_CSV)
    @blp.response(200, page_of(ReportRowOut))
    def get(self, filters):
        """Clicks, conversions, their rate and commission by state, for each campaign, affiliate, product or day."""
        layout = pop_layout(filters)
        with db.read() as session:
            rows = queries.report(session, **filters, now=utcnow())
        return respond(rows, layout, HEAD, _cells, f"{filters['by']}s")


def pop_layout(filters):
    """Take page, page size and format out of the filters."""
    return filters.pop("page"), filters.pop("page_size"), filters.pop("format")


def respond(rows, layout, head, cells, name):
    """A page of the rows, or a CSV table of all. ``cells`` gives the lines of a row."""
    page, page_size, layout_format = layout
    if layout_format == "csv":
        table = to_csv(head, (line for row in rows for line in cells(row)))
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return Response(table, content_type="text/csv; charset=utf-8", headers=headers)
    start = (page - 1) * page_size
    return Page(rows[start : start + page_size], page, page_size, len(rows))


def _cells(row):
    """A line with everything for the first currency, and one with the money alone for each further currency."""
    counts = [row.clicks, row.dead_clicks, row.conversions, row.rate]
    amounts = [[money.currency, money.held, money.approved, money.reversed] for money in row.commission]
    first, *others = amounts or [[None] * 4]
    yield [row.key, row.name, *counts, *first]
    for money in others:
        yield [row.key, row.name, *[None] * len(counts), *money]
