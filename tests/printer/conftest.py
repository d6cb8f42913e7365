"""What the tests of the library share."""

import pytest

from .reports import Recorder


@pytest.fixture(autouse=True)
def _custom_integrations() -> None:
    """Start no Home Assistant: the library knows nothing of it."""


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()
