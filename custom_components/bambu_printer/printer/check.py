"""Trying whether a printer lets us in, within a few seconds."""

import asyncio

from .errors import ConnectTimeoutError, NoReportError
from .printer import BambuPrinter, ServiceState
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
    connected = False

    def note() -> None:
        nonlocal connected
        connected |= printer.service_state is ServiceState.CONNECTED

    printer = BambuPrinter(endpoint, on_connection=note)
    try:
        async with asyncio.timeout(limit):
            await printer.start_session()
    except TimeoutError as err:
        if printer.raw.counters.full:
            # Only the list of versions is missing.
            return
        if connected:
            raise NoReportError("connected, but the printer sends no report") from err
        raise ConnectTimeoutError("nothing answered in time") from err
    finally:
        await printer.quit()
