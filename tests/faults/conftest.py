"""What the tests of faults share."""

from collections.abc import Iterator
import os
from unittest.mock import patch

import pytest

LIBRARY = "custom_components.bambu_printer.printer"
REAL_TIME = "FAULTS_IN_REAL_TIME" in os.environ
"""Whether the times of the library stay as they are: the tests take minutes then."""


@pytest.fixture
def hurried() -> Iterator[None]:
    """Shorten what would only be waited for, unless real time is asked for."""
    if REAL_TIME:
        yield
        return
    with (
        patch(f"{LIBRARY}.session._STUCK", 0.3),
        patch(f"{LIBRARY}.mqtt.PING_INTERVAL", 0.3),
        patch(f"{LIBRARY}.mqtt.DEAD_AFTER", 2),
        patch(f"{LIBRARY}.watchdog._ANY_MESSAGE", 1),
        patch(f"{LIBRARY}.watchdog._ANY_MESSAGE_FULL", 1),
        patch(f"{LIBRARY}.watchdog.ANSWER_TIME", 1),
        patch(f"{LIBRARY}.printer._REPEAT_INTERVAL", 0.5),
    ):
        yield
