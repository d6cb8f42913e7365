"""Sliced archives as the slicer exports them: valid, small, and drawn instead of sliced."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
import hashlib
import io
import json
from pathlib import Path
from typing import Any, BinaryIO
from xml.sax.saxutils import quoteattr
import zlib

from . import pictures
from .padding import empty_lines, length_of
from .zipping import ZipWriter

_CLIENT = "02.03.00.70"
_BEDS = {
    "cool_plate": "Cool Plate",
    "eng_plate": "Engineering Plate",
    "hot_plate": "High Temp Plate",
    "textured_plate": "Textured PEI Plate",
    "supertack_plate": "Supertack Plate",
}


@dataclass(frozen=True, kw_only=True)
class Part:
    """An object on a plate; the box is in millimetres from the front left corner."""

    identify_id: int
    name: str
    box: tuple[float, float, float, float]
    filament: int = 1
    skipped: bool = False


@dataclass(frozen=True, kw_only=True)
class Material:
    """A filament of the project; `nozzle` is 1 for left and 2 for right where there are two."""

    preset: str = "GFA00"
    kind: str = "PLA"
    color: str = "#2E8B57"
    nozzle: int = 1


@dataclass(frozen=True, kw_only=True)
class Plate:
    """A plate; `uses` are grams by the number of a filament."""

    index: int
    name: str = ""
    parts: tuple[Part, ...] = ()
    uses: tuple[tuple[int, float], ...] = ((1, 20.91),)
    layers: int = 88
    seconds: int = 5935
    bed: str = "textured_plate"
    sliced: bool = True

    @property
    def weight(self) -> float:
        """All filament in grams."""
        return round(sum(grams for _, grams in self.uses), 2)

    @property
    def objects(self) -> tuple[int, ...]:
        """The numbers by which the printer knows the objects."""
        return tuple(part.identify_id for part in self.parts)


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project with all its plates."""

    title: str
    code: str = "BL-P001"
    plates: tuple[Plate, ...]
    materials: tuple[Material, ...] = (Material(),)
    extruders: int = 1
    nozzle: str = "0.4"
    bed: tuple[int, int] = (256, 256)
    designer: str = "Virtual Designer"
    # Bytes of the whole archive, about; the first sliced plate's G-code fills it up.
    size: int = 0
    # Names of members to leave out, as old and foreign exporters do.
    without: frozenset[str] = field(default_factory=frozenset)

    @property
    def dual(self) -> bool:
        """Whether it is made for two nozzles."""
        return self.extruders > 1


def project_bytes(project: Project) -> bytes:
    """Return the archive; for small ones."""
    buffer = io.BytesIO()
    write_project(buffer, project)
    return buffer.getvalue()


def write_project(target: Path | BinaryIO, project: Project) -> None:
    """Write the archive in the slicer's order: pictures, G-code, configuration."""
    if isinstance(target, Path):
        with target.open("wb") as file:
            write_project(file, project)
        return
    archive = ZipWriter(target)

    def add(name: str, data: bytes | str, *, deflate: bool = True) -> None:
        if name not in project.without:
            archive.add(name, data, deflate=deflate)

    add("[Content_Types].xml", _CONTENT_TYPES)
    for plate in project.plates:
        for name, picture in _pictures(project, plate):
            add(name, picture, deflate=False)
    add("3D/3dmodel.model", _model(project))
    sliced = [plate for plate in project.plates if plate.sliced]
    for plate in sliced:
        filler = project.size if plate is sliced[0] else 0
        _add_gcode(archive, project, plate, filler)
        add(f"Metadata/plate_{plate.index}.json", _plate_json(project, plate))
    add("Metadata/_rels/model_settings.config.rels", _relations(sliced))
    add("Metadata/model_settings.config", _model_settings(project))
    add("Metadata/project_settings.config", _project_settings(project))
    add("Metadata/filament_sequence.json", _sequence(project))
    add("Metadata/slice_info.config", slice_info(project))
    add("_rels/.rels", _ROOT_RELATIONS)
    archive.finish()


# ---- pictures ------------------------------------------------------------------------------


def _pictures(project: Project, plate: Plate) -> Iterator[tuple[str, bytes]]:
    number, bed = plate.index, project.bed
    colors = [pictures.color_of(material.color) for material in project.materials]
    shapes = tuple(
        (part.box, colors[part.filament - 1], kind)
        for kind, part in enumerate(plate.parts)
    )
    ids = tuple(
        (part.box, pictures.id_color(part.identify_id), kind)
        for kind, part in enumerate(plate.parts)
    )
    view = pictures.plate(shapes, bed)
    yield f"Metadata/plate_{number}.png", view
    yield f"Metadata/plate_{number}_small.png", pictures.small(view)
    yield (
        f"Metadata/plate_no_light_{number}.png",
        pictures.plate(shapes, bed, light=False),
    )
    yield f"Metadata/top_{number}.png", pictures.flat(shapes, bed)
    yield f"Metadata/pick_{number}.png", pictures.flat(ids, bed)


# ---- G-code --------------------------------------------------------------------------------


def _add_gcode(archive: ZipWriter, project: Project, plate: Plate, size: int) -> None:
    name = f"Metadata/plate_{plate.index}.gcode"
    head = _gcode_head(project, plate).encode()
    body = "".join(_gcode_layers(plate)).encode()
    squeeze = zlib.compressobj(6, zlib.DEFLATED, -15)
    front = squeeze.compress(head) + squeeze.flush(zlib.Z_FULL_FLUSH)
    squeeze = zlib.compressobj(6, zlib.DEFLATED, -15)
    back = squeeze.compress(body) + squeeze.flush()
    count = max(0, size - len(front) - len(back))
    parts = [front, *(empty_lines(count) if count else ()), back]
    if name not in project.without:
        archive.add_packed(
            name,
            parts,
            packed=length_of(parts),
            size=len(head) + count + len(body),
            crc=_checksum(head, count, body),
        )
    if f"{name}.md5" not in project.without:
        digest = hashlib.md5(head, usedforsecurity=False)
        for lines in _lines(count):
            digest.update(lines)
        digest.update(body)
        archive.add(f"{name}.md5", digest.hexdigest().upper())


@lru_cache
def _checksum(head: bytes, count: int, body: bytes) -> int:
    crc = zlib.crc32(head)
    for lines in _lines(count):
        crc = zlib.crc32(lines, crc)
    return zlib.crc32(body, crc)


def _lines(count: int) -> Iterator[bytes]:
    """Yield so many empty lines."""
    block = b"\n" * min(count, 1 << 20)
    while count:
        yield block[:count]
        count -= min(count, len(block))


def _gcode_head(project: Project, plate: Plate) -> str:
    hours, minutes = divmod(plate.seconds // 60, 60)
    grams = ",".join(f"{use:.2f}" for _, use in plate.uses)
    metres = ",".join(f"{_metres(use) * 1000:.2f}" for _, use in plate.uses)
    volume = ",".join(f"{use / 1.24:.2f}" for _, use in plate.uses)
    kinds = ";".join(material.kind for material in project.materials)
    presets = ";".join(material.preset for material in project.materials)
    colors = ";".join(material.color for material in project.materials)
    return (
        "; HEADER_BLOCK_START\n"
        f"; BambuStudio {_CLIENT}\n"
        f"; model printing time: {hours}h {minutes}m 0s;"
        f" total estimated time: {hours}h {minutes + 6}m 0s\n"
        f"; total layer number: {plate.layers}\n"
        f"; total filament length [mm] : {metres}\n"
        f"; total filament volume [cm^3] : {volume}\n"
        f"; total filament weight [g] : {grams}\n"
        f"; max_z_height: {plate.layers * 0.2:.2f}\n"
        "; HEADER_BLOCK_END\n\n"
        "; CONFIG_BLOCK_START\n"
        f"; filament_ids = {presets}\n"
        f"; filament_colour = {colors}\n"
        f"; filament_type = {kinds}\n"
        "; layer_height = 0.2\n"
        "; CONFIG_BLOCK_END\n\n"
    )


def _gcode_layers(plate: Plate) -> Iterator[str]:
    yield f"M73 P0 R{plate.seconds // 60}\n"
    for layer in range(plate.layers):
        left = plate.seconds * (plate.layers - layer) // plate.layers // 60
        yield f"; CHANGE_LAYER\n; Z_HEIGHT: {(layer + 1) * 0.2:.2f}\n"
        yield f"M73 P{100 * layer // plate.layers} R{left}\n"
        for part in plate.parts:
            x0, y0, x1, y1 = part.box
            yield f"; start printing object, unique label id: {part.identify_id}\n"
            yield f"G1 X{x0:.2f} Y{y0:.2f} F9000\nG1 X{x1:.2f} Y{y1:.2f} E4.2\n"
            yield f"; stop printing object, unique label id: {part.identify_id}\n"
    yield "M73 P100 R0\n; EXECUTABLE_BLOCK_END\n"


def _metres(grams: float) -> float:
    """Return the length of 1.75 mm filament with the density of PLA."""
    return grams / 1.24 / 2.405


# ---- configuration -------------------------------------------------------------------------


def slice_info(project: Project) -> str:
    """Return `slice_info.config`."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        "<config>",
        "  <header>",
        '    <header_item key="X-BBL-Client-Type" value="slicer"/>',
        f'    <header_item key="X-BBL-Client-Version" value="{_CLIENT}"/>',
        "  </header>",
    ]
    for plate in project.plates:
        if plate.sliced:
            lines += _slice_info_plate(project, plate)
    return "\n".join((*lines, "</config>", ""))


def _slice_info_plate(project: Project, plate: Plate) -> Iterator[str]:
    extruders = range(project.extruders)
    values = {
        "index": plate.index,
        "extruder_type": " ".join("0" for _ in extruders),
        "nozzle_volume_type": " ".join("0" for _ in extruders),
        "printer_model_id": project.code,
        "nozzle_diameters": ",".join(project.nozzle for _ in extruders),
        "timelapse_type": 0,
        "prediction": plate.seconds,
        "weight": f"{plate.weight:.2f}",
        "first_layer_time": "96.5",
        "outside": "false",
        "support_used": "false",
        "label_object_enabled": "true" if plate.parts else "false",
        "filament_maps": " ".join(str(item.nozzle) for item in project.materials),
        "limit_filament_maps": " ".join("0" for _ in project.materials),
    }
    yield "  <plate>"
    for key, value in values.items():
        yield f'    <metadata key="{key}" value="{value}"/>'
    for part in plate.parts:
        skipped = "true" if part.skipped else "false"
        yield (
            f'    <object identify_id="{part.identify_id}"'
            f' name={quoteattr(part.name)} skipped="{skipped}"/>'
        )
    for number, grams in plate.uses:
        item = project.materials[number - 1]
        yield (
            f'    <filament id="{number}" tray_info_idx="{item.preset}"'
            f' type="{item.kind}" color="{item.color}" used_m="{_metres(grams):.2f}"'
            f' used_g="{grams:.2f}" used_for_object="1" used_for_support="0"'
            f' group_id="{item.nozzle - 1}" nozzle_diameter="{project.nozzle}0"'
            ' volume_type="Standard"/>'
        )
    if project.dual:
        groups = sorted(
            {project.materials[number - 1].nozzle for number, _ in plate.uses}
        )
        for group in groups:
            yield (
                f'    <nozzle id="{group - 1}" extruder_id="{group}"'
                f' nozzle_diameter="{project.nozzle}" volume_type="Standard"/>'
            )
    used = " ".join(str(number - 1) for number, _ in plate.uses)
    yield "    <layer_filament_lists>"
    yield (
        f'      <layer_filament_list filament_list="{used}"'
        f' layer_ranges="0 {plate.layers - 1}"/>'
    )
    yield "    </layer_filament_lists>"
    # The space before the equals sign is the slicer's.
    yield '    <warning msg="bed_temperature_too_high" level="1" error_code ="1000C001"/>'
    yield "  </plate>"


def _plate_json(project: Project, plate: Plate) -> str:
    # The numbers are others than those that the printer knows the objects by.
    boxes: list[dict[str, Any]] = [
        {
            "id": 91 + 2 * index,
            "name": part.name,
            "bbox": list(part.box),
            "area": round(
                (part.box[2] - part.box[0]) * (part.box[3] - part.box[1]) * 0.7, 2
            ),
            "layer_height": 0.2,
        }
        for index, part in enumerate(plate.parts)
    ]
    if len(plate.uses) > 1:
        tower = {"id": 1000, "name": "wipe_tower", "bbox": [10, 220, 45, 250]}
        boxes.append({**tower, "area": 1050, "layer_height": 0.2})
    corners = [box["bbox"] for box in boxes] or [[0, 0, 0, 0]]
    filaments = [number - 1 for number, _ in plate.uses]
    content = {
        "bbox_all": [
            min(box[0] for box in corners),
            min(box[1] for box in corners),
            max(box[2] for box in corners),
            max(box[3] for box in corners),
        ],
        "bbox_objects": boxes,
        "bed_type": plate.bed,
        "filament_colors": [project.materials[index].color for index in filaments],
        "filament_ids": filaments,
        "first_extruder": filaments[0] if filaments else 0,
        "first_layer_time": 96.5,
        "is_seq_print": False,
        "nozzle_diameter": float(project.nozzle),
        "version": 2,
    }
    return json.dumps(content, ensure_ascii=False)


def _model_settings(project: Project) -> str:
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<config>"]
    maps = " ".join(str(item.nozzle) for item in project.materials)
    for plate in project.plates:
        number = plate.index
        values = {
            "plater_id": number,
            "plater_name": plate.name,
            "locked": "false",
            "filament_map_mode": "Auto For Flush",
            "filament_maps": maps,
            "gcode_file": f"Metadata/plate_{number}.gcode" if plate.sliced else "",
            "thumbnail_file": f"Metadata/plate_{number}.png",
            "thumbnail_no_light_file": f"Metadata/plate_no_light_{number}.png",
            "top_file": f"Metadata/top_{number}.png",
            "pick_file": f"Metadata/pick_{number}.png",
        }
        if plate.sliced:
            values["pattern_bbox_file"] = f"Metadata/plate_{number}.json"
        lines.append("  <plate>")
        lines += [
            f'    <metadata key="{key}" value={quoteattr(str(value))}/>'
            for key, value in values.items()
        ]
        for index, part in enumerate(plate.parts):
            lines += [
                "    <model_instance>",
                f'      <metadata key="object_id" value="{2 * index + 2}"/>',
                '      <metadata key="instance_id" value="0"/>',
                f'      <metadata key="identify_id" value="{part.identify_id}"/>',
                "    </model_instance>",
            ]
        lines.append("  </plate>")
    return "\n".join((*lines, "</config>", ""))


def _project_settings(project: Project) -> str:
    materials = project.materials
    bed = project.plates[0].bed if project.plates else "textured_plate"
    content = {
        "version": _CLIENT,
        "printer_model": project.code,
        "printer_settings_id": f"{project.code} {project.nozzle} nozzle",
        "print_settings_id": "0.20mm Standard",
        "filament_settings_id": [f"Generic {item.kind}" for item in materials],
        "filament_type": [item.kind for item in materials],
        "filament_colour": [item.color for item in materials],
        "filament_ids": [item.preset for item in materials],
        "filament_vendor": ["Bambu Lab" for _ in materials],
        "nozzle_diameter": [project.nozzle for _ in range(project.extruders)],
        "nozzle_temperature": ["220" for _ in materials],
        "curr_bed_type": _BEDS.get(bed, "Textured PEI Plate"),
        "layer_height": "0.2",
        "initial_layer_print_height": "0.2",
        "wall_loops": "2",
        "sparse_infill_density": "15%",
        "sparse_infill_pattern": "grid",
        "enable_support": "0",
        "brim_type": "auto_brim",
        "filament_map": [str(item.nozzle) for item in materials],
        "physical_extruder_map": ["1", "0"] if project.dual else ["0"],
        "extruder_nozzle_stats": ["Standard#1" for _ in range(project.extruders)],
    }
    return json.dumps(content, indent=4, ensure_ascii=False)


def _sequence(project: Project) -> str:
    return json.dumps(
        {
            f"plate_{plate.index}": {
                "sequence": [number for number, _ in plate.uses]
                if plate.sliced
                else [],
                "nozzle_sequence": [],
                "optimal_assignment": [],
            }
            for plate in project.plates
        }
    )


def _relations(plates: list[Plate]) -> str:
    kind = "http://schemas.bambulab.com/package/2021/gcode"
    return "\n".join(
        (
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">',
            *(
                f' <Relationship Target="/Metadata/plate_{plate.index}.gcode"'
                f' Id="rel-{place}" Type="{kind}"/>'
                for place, plate in enumerate(plates, 1)
            ),
            "</Relationships>",
            "",
        )
    )


def _model(project: Project) -> str:
    # The slicer escapes twice.
    values = {
        "Application": f"BambuStudio-{_CLIENT}",
        "CreationDate": "2026-11-20",
        "Designer": project.designer,
        "Title": project.title.replace("&", "&amp;"),
    }
    lines = [
        f' <metadata name="{key}">{_text(value)}</metadata>'
        for key, value in values.items()
    ]
    core = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
    return "\n".join(
        (
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<model unit="millimeter" xml:lang="en-US" xmlns="{core}">',
            *lines,
            " <resources/>",
            " <build/>",
            "</model>",
            "",
        )
    )


def _text(value: str) -> str:
    return quoteattr(value)[1:-1]


_CONTENT_TYPES = """<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
 <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
 <Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/>
 <Default Extension="png" ContentType="image/png"/>
 <Default Extension="gcode" ContentType="text/x.gcode"/>
</Types>
"""
_ROOT_RELATIONS = """<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
 <Relationship Target="/3D/3dmodel.model" Id="rel-1" Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/>
</Relationships>
"""
