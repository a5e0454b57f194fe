"""Structured logs: one JSON object on each line, with request, tenant and trace id where they are known."""

import logging
import sys

import structlog

SECRET_WORDS = ("password", "secret", "token", "authorization", "cookie", "api_key", "apikey", "signature")


def configure(level: str = "INFO", style: str = "json", **constant: str) -> None:
    """Send our own and the libraries' logs to standard error. ``constant`` (service, role) is added to every line."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _hide_secrets,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        # filter_by_level comes first, so that a line that is not written costs nothing.
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                lambda _logger, _method, event: {**constant, **event},
                renderer,
            ],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # What authlib has to tell below that holds tokens.
    for chatty in ("alembic", "authlib", "gunicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # They write a line or a traceback for every refused connection; our own exceptions carry the cause.
    for chatty in ("pika", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)


def logger(name: str) -> structlog.stdlib.BoundLogger:
    return structlog.stdlib.get_logger(name)


def _hide_secrets(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    for key in event:
        if any(word in key.lower() for word in SECRET_WORDS):
            event[key] = "[hidden]"
    return event
