"""What the tests of the operations share."""

from collections.abc import Iterator
from unittest.mock import PropertyMock, patch

import pytest


@pytest.fixture
def enabled() -> bool:
    """Return whether all entities are enabled, also those that are not by default."""
    return False


@pytest.fixture(autouse=True)
def _enabled(enabled: bool) -> Iterator[None]:
    if not enabled:
        yield
        return
    with patch(
        "homeassistant.helpers.entity.Entity.entity_registry_enabled_default",
        PropertyMock(return_value=True),
    ):
        yield
