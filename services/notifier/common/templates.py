"""The templates of mails and pages: their folders and filters."""

from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.runtime import Context

from services.notifier.common import wording
from services.notifier.common.console import page_url

SERVICE = Path(__file__).parents[1]
FOLDERS = [SERVICE / room / "templates" for room in ("topics", "audience", "outbound")]


@cache
def templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDERS),
        auto_reload=False,  # a file is read once, not looked at for each mail
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,  # a section of a digest is a template of its own and ends its last line
    )
    environment.filters["moment"] = _moment
    environment.globals["page"] = _page
    environment.filters["line"] = lambda text: wording.excerpt(text, 500)
    return environment


@pass_context
def _page(context: Context, page: str, *ids: str) -> str:
    return page_url(context["console_url"], page, *ids)


@pass_context
def _moment(context: Context, moment: str) -> str:
    return wording.moment_text(datetime.fromisoformat(moment), ZoneInfo(context["time_zone"]))
