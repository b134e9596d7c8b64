"""Sets up logging for the whole process, once: one stream, one format, everything redacted, other libraries kept quiet.

Modules write with `structlog.get_logger(__name__)` and know nothing of this.
"""

from __future__ import annotations

import logging
import sys
from types import TracebackType
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from channelsync.clock import Clock
from channelsync.shell.redact import Redactor

Style = Literal["json", "console"]
Level = Literal["debug", "info", "warning", "error"]

QUIET = {
    "alembic": logging.WARNING,  # tells at every start which engine it has found
    "httpx": logging.WARNING,  # logs whole URLs at INFO
    "httpcore": logging.WARNING,
    "uvicorn.access": logging.CRITICAL,
    "uvicorn.error": logging.ERROR,  # a warning for every malformed request from the internet
    "apprise": logging.CRITICAL,  # logs whole addresses; what it has to say about a failure is kept by shell.alert_apprise
    "requests": logging.WARNING,
    "urllib3": logging.CRITICAL,  # warns with the path of the address
    "apscheduler": logging.CRITICAL,  # shell.schedule listens to its events and logs them itself
}


def configure(*, clock: Clock, redactor: Redactor, style: Style = "json", level: Level = "info", stream: TextIO | None = None) -> None:
    """From here on every log line, warning and uncaught exception of the process goes to `stream` (standard error) in `style`."""
    stream = sys.stderr if stream is None else stream
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _timestamp(clock),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redactor, _renderer(style, stream)],
    )
    _route(stream, formatter, level)
    sys.excepthook = _uncaught


def _timestamp(clock: Clock) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["timestamp"] = clock.now().isoformat(timespec="milliseconds")
        return event

    return add


def _renderer(style: Style, stream: TextIO) -> Processor:
    if style == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=stream.isatty())


def _route(stream: TextIO, formatter: logging.Formatter, level: Level) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name, quiet in QUIET.items():
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
        logger.setLevel(quiet)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a full disk must not print unredacted records to standard error instead


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    structlog.get_logger(__name__).critical("uncaught exception, the process ends", exc_info=(kind, error, trace))
