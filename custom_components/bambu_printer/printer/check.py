"""Trying whether a printer lets us in, within a few seconds."""

from .errors import NoReportError
from .printer import BambuPrinter
from .session import Endpoint

CHECK_TIMEOUT = 4.0
"""Seconds; somebody looks at a form meanwhile.  The slowest printers, right after they
were switched on, have let us in within this time most of the times."""


async def check_connection(endpoint: Endpoint, *, limit: float = CHECK_TIMEOUT) -> None:
    """Log in, wait for a full report, and leave again.

    Raises the `PrinterConnectionError` that says what is wrong: `ConnectTimeoutError`
    when the printer does not let us in within `limit` seconds, and `NoReportError` when
    it does but has not reported by then.
    """
    printer = BambuPrinter(endpoint)
    try:
        await printer.start_session(limit=limit)
    except NoReportError:
        # Only the list of versions may be missing.
        if not printer.counters.full:
            raise
    finally:
        await printer.quit()
