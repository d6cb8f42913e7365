"""What tests of automations share."""

import pytest

from custom_components.bambu_printer.printer.happenings import jobs


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Believe the first report of what happens."""
    for name in ("START_SETTLE", "FAILURE_SETTLE", "END_SETTLE"):
        monkeypatch.setattr(jobs, name, getattr(jobs, name) / 100)
