"""Projects that lie on the card, and new ones for tests."""

from collections.abc import Sequence
import zlib

from .machine import Machine
from .profiles import Family, Profile
from .threemf import Material, Part, Plate, Project

_BEDS = {"A1 mini": (180, 180), "A2L": (330, 320)}
_WIDE_BED = (350, 320)


def bed_of(profile: Profile) -> tuple[int, int]:
    """Return width and depth of the bed in millimetres."""
    wide = profile.family is Family.H2
    return _BEDS.get(profile.key, _WIDE_BED if wide else (256, 256))


def arrange(
    names: Sequence[str],
    bed: tuple[int, int],
    *,
    first_id: int = 409,
    filaments: Sequence[int] = (1,),
) -> tuple[Part, ...]:
    """Put objects in rows on a bed; ids rise in uneven steps, as the slicer's do."""
    columns = max(1, round(len(names) ** 0.5 + 0.49))
    rows = -(-len(names) // columns)
    across, deep = (bed[0] - 40) / columns, (bed[1] - 40) / max(1, rows)
    parts = []
    for place, name in enumerate(names):
        row, column = divmod(place, columns)
        x, y = 20 + column * across, 20 + row * deep
        box = (x + 4, y + 4, x + across - 4, y + deep - 4)
        parts.append(
            Part(
                identify_id=first_id + 1054 * place + place * place,
                name=name,
                box=tuple(round(edge, 2) for edge in box),
                filament=filaments[place % len(filaments)],
            )
        )
    return tuple(parts)


def job_project(machine: Machine) -> Project:
    """Return the project of the job that the profile describes."""
    profile, job = machine.profile, machine.profile.job
    bed = bed_of(profile)
    stem = job.name.split()[0]
    tray = machine.tray(*job.source) or {}
    color = str(tray.get("tray_color") or "00AE42FF")[:6]
    material = Material(
        preset=tray.get("tray_info_idx") or "GFL99",
        kind=tray.get("tray_type") or "PLA",
        color=f"#{'00AE42' if color == '000000' and not tray else color}",
        nozzle=1 if not profile.dual or job.extruder == 1 else 2,
    )
    names = (f"{stem} base", f"{stem} clip", f"{stem} clip", f"{stem} cover")
    plate = Plate(
        index=1,
        name=job.name,
        parts=arrange(names, bed),
        uses=((1, round(job.minutes * 0.32, 2)),),
        layers=job.layers,
        seconds=job.minutes * 60,
    )
    return Project(
        title=job.name,
        code=profile.code,
        plates=(plate,),
        materials=(material,),
        extruders=profile.extruders,
        bed=bed,
    )


def make_project(
    profile: Profile,
    title: str,
    *,
    plates: int | Sequence[Plate] = 1,
    objects: int | Sequence[str] = 3,
    size: int = 0,
    dual: bool | None = None,
) -> Project:
    """Return a project: plates or their number, names of objects or their number.

    Of three plates or more the second is not sliced, as in an export of single plates.
    """
    bed = bed_of(profile)
    dual = profile.dual if dual is None else dual
    materials = (
        (
            Material(color="#0A2989", nozzle=1),
            Material(preset="GFA01", color="#FFFFFF", nozzle=1),
            Material(preset="GFG02", kind="PETG", color="#F98C36", nozzle=2),
        )
        if dual
        else (Material(color="#0A2989"), Material(preset="GFA01", color="#FFFFFF"))
    )
    last = len(materials)
    if isinstance(objects, int):
        # The last two share a name, as copies do.
        names = [f"Part {number}" for number in range(1, objects + 1)]
        names[2:] = [
            names[1] if number == objects else f"Part {number}"
            for number in range(3, objects + 1)
        ]
    else:
        names = list(objects)
    if isinstance(plates, int):
        plates = [
            Plate(
                index=number,
                name=f"Plate {number} of {title}",
                parts=arrange(
                    names,
                    bed,
                    first_id=100 + 20000 * number + zlib.crc32(title.encode()) % 5000,
                    filaments=(1, last),
                ),
                uses=((1, 12.5 * number), (last, 3.25)),
                layers=60 + 20 * number,
                seconds=2400 * number + 360,
                sliced=not (plates >= 3 and number == 2),
            )
            for number in range(1, plates + 1)
        ]
    return Project(
        title=title,
        code=profile.code,
        plates=tuple(plates),
        materials=materials,
        extruders=2 if dual else 1,
        bed=bed,
        size=size,
    )
