"""What there is to tell of a happening, from everybody who knows something about it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from homeassistant.core import callback

from .happenings import plain_data
from .printer.happenings import OUTCOMES, Happening

if TYPE_CHECKING:
    from .coordinator import PrinterCoordinator


@callback
def happening_details(
    coordinator: PrinterCoordinator, happening: Happening
) -> Mapping[str, Any]:
    """Return the details in words and numbers that JSON has.

    An error that was raised has its `text`: the maker's, or our own as long as that is not
    known.  A job that has ended has `filament_used`: the grams taken from each slot, empty
    when the file of the job is not known.  The printer does not weigh: a finished job is
    taken to have used what its file plans, another one as much of it as its progress says.
    """
    details = {**plain_data(happening), **coordinator.fault_words.about(happening)}
    if happening.kind in OUTCOMES:
        details["filament_used"] = coordinator.jobs.filament_used(happening.job)
    return details
