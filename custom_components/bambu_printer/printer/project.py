"""Sliced projects (3MF): plates, objects, filaments and pictures.

A project is a ZIP archive, written by any program by anybody: what it says of itself is
checked, and its XML may not define entities.  Nothing here knows where the bytes come
from.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
import re
from typing import Any
from xml.etree.ElementTree import Element

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring
import orjson

from .archive import Archive, ArchiveError
from .errors import ProjectError
from .values import integer, mapping, number, records, text

MAX_PLATES = 64

SLICE_INFO = "Metadata/slice_info.config"
_PROJECT_SETTINGS = "Metadata/project_settings.config"
_MODEL_SETTINGS = "Metadata/model_settings.config"
_CONFIGURATIONS = frozenset({SLICE_INFO, _PROJECT_SETTINGS, _MODEL_SETTINGS})
_LAYOUT = re.compile(r"Metadata/plate_\d{1,3}\.json")
_PICTURE = re.compile(
    r"Metadata/(?:plate_\d{1,3}(?:_small)?|(?:top|pick)_\d{1,3})\.png"
)
_MESSAGE = re.compile(rb'\bmsg="[^"]*"')
_MOST_FILAMENTS = 256
"""Of a project; slicers stop at 64 or less, and a mapping has a place for each."""
_MOST_OBJECTS = 2_000
"""Of a plate; printers can skip a few dozen."""
_BEDS = {
    "Cool Plate": "cool_plate",
    "Engineering Plate": "eng_plate",
    "High Temp Plate": "hot_plate",
    "Supertack Plate": "supertack_plate",
    "Textured PEI Plate": "textured_plate",
}
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFilament:
    """A filament that a plate uses."""

    number: int
    """Within the project, from 1."""
    filament_id: str = ""
    type: str = ""
    color: str = ""
    """``#RRGGBB``"""
    grams: float | None = None
    meters: float | None = None
    extruder: int | None = None
    """Of the printer: 0 right or only, 1 left; None: the file does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectObject:
    """An object on a plate."""

    identify_id: int
    """The number by which the printer can skip it."""
    name: str = ""
    skipped: bool = False
    box: tuple[float, float, float, float] | None = None
    """Left, front, right and back, mm from the front left corner of the bed.

    Found by its name: among objects with the same name, by their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate:
    """A sliced plate."""

    number: int
    """From 1."""
    name: str = ""
    prediction: int | None = None
    """Seconds that printing takes."""
    weight: float | None = None
    """Grams, with supports and waste."""
    filaments: tuple[ProjectFilament, ...] = ()
    objects: tuple[ProjectObject, ...] = ()
    model_id: str = ""
    """Code of the printer model that it was sliced for."""
    nozzle_diameters: tuple[float, ...] = ()
    bed_type: str = ""
    """As the printer takes it: ``textured_plate``, …"""
    labelled: bool = False
    """Whether objects can be skipped."""
    pictures: frozenset[str] = frozenset()
    """The kinds of pictures there are: plate, small, top, pick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectInfo:
    """A sliced project."""

    title: str = ""
    slicer: str = ""
    plates: tuple[Plate, ...] = ()
    filament_count: int = 0
    """Filaments in the project, used or not: as long must a mapping to slots be."""

    def plate(self, number: int | None) -> Plate | None:
        """Return a plate; without a number the only one, if there is but one."""
        if number is None:
            return self.plates[0] if len(self.plates) == 1 else None
        return next((plate for plate in self.plates if plate.number == number), None)


_PICTURE_NAMES = {
    "plate": "Metadata/plate_{}.png",
    "small": "Metadata/plate_{}_small.png",
    "top": "Metadata/top_{}.png",
    "pick": "Metadata/pick_{}.png",
}


def picture_name(plate: int, kind: str) -> str:
    """Return the member that holds a picture: of kind plate, small, top or pick."""
    return _PICTURE_NAMES[kind].format(plate)


def is_wanted(name: str) -> bool:
    """Tell whether a member of an archive is one that a `ProjectReader` reads."""
    return is_picture(name) or is_configuration(name)


def is_configuration(name: str) -> bool:
    """Tell whether a member is one that `ProjectReader.info` reads."""
    return name in _CONFIGURATIONS or bool(_LAYOUT.fullmatch(name))


def is_picture(name: str) -> bool:
    """Tell whether a member is a picture of a plate."""
    return bool(_PICTURE.fullmatch(name))


class ProjectReader:
    """Reads one archive; what it returns is checked."""

    def __init__(self, archive: Archive, path: str) -> None:
        """Take an archive; `path` is what it is called in errors."""
        self._path = path
        self._archive = archive

    def info(self) -> ProjectInfo:
        """Return everything but the pictures."""
        root = self._xml(SLICE_INFO, mend=True)
        if root is None:
            raise ProjectError(self._path, "not sliced")
        settings = self._json(_PROJECT_SETTINGS)
        names = dict(self._plate_names())
        plates = [
            self._plate(element, settings, names) for element in root.findall("plate")
        ][:MAX_PLATES]
        numbered = {plate.number: plate for plate in reversed(plates)}
        header = {
            item.get("key"): item.get("value", "") for item in root.iter("header_item")
        }
        used = (filament.number for plate in plates for filament in plate.filaments)
        listed = settings.get("filament_type")
        count = max(
            len(listed) if isinstance(listed, list) else 0, max(used, default=0)
        )
        if count > _MOST_FILAMENTS:
            raise ProjectError(self._path, "too many filaments")
        return ProjectInfo(
            title=text(settings.get("title"), ""),
            slicer=header.get("X-BBL-Client-Version") or "",
            plates=tuple(
                plate
                for plate in plates
                # Of several with one number the first.
                if numbered[plate.number] is plate
                and f"Metadata/plate_{plate.number}.gcode" in self._archive.names
            ),
            filament_count=count,
        )

    def picture(self, plate: int, kind: str = "plate") -> bytes | None:
        """Return a picture of a plate (PNG); None when there is none."""
        content = self._read(picture_name(plate, kind))
        return content if content is not None and content.startswith(_PNG) else None

    def _plate(
        self, element: Element, settings: dict[str, Any], names: dict[int, str]
    ) -> Plate:
        facts = {
            item.get("key", ""): item.get("value", "")
            for item in element.findall("metadata")
        }
        plate = integer(facts.get("index"), 0)
        layout = self._json(f"Metadata/plate_{plate}.json")
        return Plate(
            number=plate,
            name=names.get(plate, ""),
            prediction=integer(facts.get("prediction"), None),
            weight=number(facts.get("weight"), None),
            filaments=tuple(_filaments(element, facts, settings)),
            objects=tuple(islice(_objects(element, layout), _MOST_OBJECTS)),
            model_id=facts.get("printer_model_id", ""),
            nozzle_diameters=tuple(
                size
                for part in facts.get("nozzle_diameters", "").split(",")
                if (size := number(part.strip(), None)) is not None
            ),
            bed_type=text(layout.get("bed_type"), "") or _bed_type(facts, settings),
            labelled=facts.get("label_object_enabled") == "true",
            pictures=frozenset(
                kind
                for kind, name in _PICTURE_NAMES.items()
                if name.format(plate) in self._archive.names
            ),
        )

    def _plate_names(self) -> Iterator[tuple[int, str]]:
        root = self._xml(_MODEL_SETTINGS)
        for element in root.findall("plate") if root is not None else ():
            facts = {
                item.get("key"): item.get("value", "")
                for item in element.findall("metadata")
            }
            if name := facts.get("plater_name"):
                yield integer(facts.get("plater_id"), 0), name

    def _read(self, name: str) -> bytes | None:
        try:
            return self._archive.read(name)
        except ArchiveError as err:
            raise ProjectError(self._path, str(err)) from err

    def _xml(self, name: str, *, mend: bool = False) -> Element | None:
        """Read XML; `mend`: also where the slicer has forgotten to escape a message."""
        content = self._read(name)
        if content is None:
            return None
        try:
            try:
                root: Element = fromstring(content)
            except ParseError:
                if not mend:
                    raise
                root = fromstring(_MESSAGE.sub(b'msg=""', content))
        except (ParseError, DefusedXmlException, ValueError, LookupError) as err:
            # The last one: for an encoding that nobody knows.
            raise ProjectError(self._path, f"{name} cannot be read") from err
        return root

    def _json(self, name: str) -> dict[str, Any]:
        content = self._read(name)
        if content is None:
            return {}
        try:
            return dict(mapping(orjson.loads(content)))
        except orjson.JSONDecodeError as err:
            raise ProjectError(self._path, f"{name} cannot be read") from err


def _bed_type(facts: dict[str, str], settings: dict[str, Any]) -> str:
    """Take the bed from where older and foreign files name it, as people read it."""
    name = facts.get("curr_bed_type", "") or text(settings.get("curr_bed_type"), "")
    return _BEDS.get(name, "")


def _filaments(
    plate: Element, facts: dict[str, str], settings: dict[str, Any]
) -> Iterator[ProjectFilament]:
    nozzles = {
        nozzle.get("id", ""): integer(nozzle.get("extruder_id"), 0) - 1
        for nozzle in plate.findall("nozzle")
    }
    maps = facts.get("filament_maps", "").split()
    physical = settings.get("physical_extruder_map")
    extruders = physical if isinstance(physical, list) else []
    for item in plate.findall("filament"):
        position = integer(item.get("id"), 0)
        if position < 1:
            continue
        group = item.get("group_id", "").split(",")[0]
        if group:
            logical = nozzles.get(group) if nozzles else integer(group, None)
        elif position <= len(maps):
            logical = integer(maps[position - 1], 1) - 1
        else:
            logical = None
        yield ProjectFilament(
            number=position,
            filament_id=item.get("tray_info_idx", ""),
            type=item.get("type", ""),
            color=item.get("color", "")[:7].upper(),
            grams=number(item.get("used_g"), None),
            meters=number(item.get("used_m"), None),
            extruder=_physical(logical, extruders),
        )


def _physical(logical: int | None, extruders: list[Any]) -> int | None:
    """Turn the slicer's number of an extruder into the printer's, which is the other way round."""
    if logical is None or len(extruders) < 2:
        return None
    if not 0 <= logical < len(extruders):
        return None
    return integer(extruders[logical], None)


def _objects(plate: Element, layout: dict[str, Any]) -> Iterator[ProjectObject]:
    boxes: dict[str, list[tuple[float, float, float, float]]] = {}
    for item in records(layout.get("bbox_objects")):
        if (box := _box(item.get("bbox"))) is not None:
            boxes.setdefault(text(item.get("name"), ""), []).append(box)
    for element in plate.findall("object"):
        ident = integer(element.get("identify_id"), 0)
        if ident < 1:
            continue
        name = text(element.get("name"), "")
        same = boxes.get(name)
        yield ProjectObject(
            identify_id=ident,
            name=name,
            skipped=element.get("skipped") == "true",
            box=same.pop(0) if same else None,
        )


def _box(value: object) -> tuple[float, float, float, float] | None:
    if not isinstance(value, list) or len(value) != 4:
        return None
    left, front, right, back = (number(part, None) for part in value)
    if left is None or front is None or right is None or back is None:
        return None
    return left, front, right, back
