"""The sliced project of the job, which somebody found on the printer's storage.

No report carries it: whoever reads the file tells `BambuPrinter.set_job_project`.
"""

from dataclasses import dataclass
from datetime import datetime

from ..project import Plate
from ..values import Raw
from .context import Context

INPUTS = frozenset({"@project"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectState:
    """The file of the running job, or of the last one; None: not found."""

    path: str | None = None
    plate: Plate | None = None
    found: datetime | None = None
    """When it was read; another time means another job."""


def decode(raw: Raw, previous: ProjectState, context: Context) -> ProjectState:
    """Return what was told."""
    told = raw.get("@project")
    return told if isinstance(told, ProjectState) else ProjectState()
