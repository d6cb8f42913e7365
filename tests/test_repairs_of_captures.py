"""Which repairs real printers would have raised: those that are right, and no other."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from custom_components.bambu_printer.coordinator import PrinterCoordinator
from custom_components.bambu_printer.printer import ControlState
from custom_components.bambu_printer.printer.control import ControlEvidence
from custom_components.bambu_printer.problems import PROBLEMS

from .printer import test_captures
from .printer.test_captures import MODELS, Capture

pytestmark = test_captures.pytestmark

SIGNED_BIT = 29
"""Of ``fun``: commands have to be signed."""


@pytest.fixture(autouse=True)
def _custom_integrations() -> None:
    """Start no Home Assistant."""


@pytest.mark.parametrize("name", MODELS)
def test_only_what_is_wrong_is_raised(name: str) -> None:
    capture = Capture(name)
    evidence = ControlEvidence()
    evidence.flagged(capture.state.capabilities.signature_required)
    control = {
        True: ControlState.READ_ONLY,
        False: ControlState.FULL,
        None: ControlState.UNKNOWN,
    }[evidence.signature_required()]
    coordinator: Any = SimpleNamespace(
        control=control,
        last_update_success=True,
        data=capture.state,
        printer=SimpleNamespace(
            model=capture.model, contention=SimpleNamespace(crowded=False)
        ),
        plug=None,
    )
    raised = {
        problem.key
        for problem in PROBLEMS
        if problem.exists(cast("PrinterCoordinator", coordinator))
    }
    expected = set()
    fun = capture.report.get("fun")
    if fun and int(fun, 16) >> SIGNED_BIT & 1:
        expected.add("developer_mode")
    if capture.report["ipcam"].get("rtsp_url") == "disable":
        expected.add("live_view")
    assert raised == expected
