"""What a sliced project says of itself."""

import io
import json
import zipfile

import pytest

from custom_components.bambu_printer.printer.archive import (
    ArchiveStream,
    SeekableArchive,
)
from custom_components.bambu_printer.printer.errors import ProjectError
from custom_components.bambu_printer.printer.project import (
    ProjectInfo,
    ProjectReader,
    is_wanted,
)

PNG = b"\x89PNG\r\n\x1a\n" + b"picture"
SLICE_INFO = """\
<?xml version="1.0" encoding="UTF-8"?>
<config>
  <header>
    <header_item key="X-BBL-Client-Type" value="slicer"/>
    <header_item key="X-BBL-Client-Version" value="02.05.00.10"/>
  </header>
  <plate>
    <metadata key="index" value="2"/>
    <metadata key="printer_model_id" value="O1D"/>
    <metadata key="nozzle_diameters" value="0.4,0.6"/>
    <metadata key="prediction" value="5935"/>
    <metadata key="weight" value="20.91"/>
    <metadata key="label_object_enabled" value="true"/>
    <metadata key="filament_maps" value="1 2 2"/>
    <metadata key="brand_new" value="whatever"/>
    <object identify_id="123" name="Bracket &amp; pin" skipped="false"/>
    <object identify_id="456" name="Lid" skipped="true"/>
    <object identify_id="457" name="Lid" skipped="false"/>
    <object identify_id="0" name="ghost" skipped="false"/>
    <filament id="1" tray_info_idx="GFA01" type="PLA" color="#00ff00" used_m="5.45" used_g="17.32"/>
    <filament id="3" tray_info_idx="GFG99" type="PETG" color="#112233FF" used_m="1" used_g="x"/>
  </plate>
  <plate>
    <metadata key="index" value="3"/>
  </plate>
</config>
"""
PLATE = {
    "bed_type": "textured_plate",
    "bbox_objects": [
        {"id": 7, "name": "Lid", "bbox": [1, 2, 3, 4]},
        {"id": 8, "name": "wipe_tower", "bbox": [0, 0, 5, 5]},
        {"id": 9, "name": "Lid", "bbox": [5, 6, 7, 8]},
        {"id": 10, "name": "Bracket & pin", "bbox": "nonsense"},
    ],
}
MEMBERS = {
    "Metadata/plate_1.png": PNG,
    "Metadata/plate_2.png": PNG,
    "Metadata/plate_2_small.png": PNG,
    "Metadata/pick_2.png": b"no picture",
    "Metadata/plate_2.gcode": b"G28\n" * 5000,
    "Metadata/plate_2.json": json.dumps(PLATE).encode(),
    "Metadata/model_settings.config": (
        b'<config><plate><metadata key="plater_id" value="2"/>'
        b'<metadata key="plater_name" value="Small parts"/></plate></config>'
    ),
    "Metadata/project_settings.config": json.dumps(
        {
            "physical_extruder_map": ["1", "0"],
            "filament_type": ["PLA", "PLA", "PETG", "TPU"],
        }
    ).encode(),
    "Metadata/slice_info.config": SLICE_INFO.encode(),
}


def pack(members):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


@pytest.fixture(params=["at any place", "passing by"])
def reader_of(request):
    def make(**changes):
        members = {k: v for k, v in {**MEMBERS, **changes}.items() if v is not None}
        content = pack(members)
        if request.param == "at any place":
            return ProjectReader(SeekableArchive(io.BytesIO(content)), "/part.3mf")
        stream = ArchiveStream(is_wanted)
        for start in range(0, len(content), 1000):
            stream.write(content[start : start + 1000])
        return ProjectReader(stream, "/part.3mf")

    return make


def test_a_whole_project(reader_of):
    info = reader_of().info()
    assert info.slicer == "02.05.00.10"
    assert info.filament_count == 4
    assert [plate.number for plate in info.plates] == [2], "plate 3 has no G-code"
    plate = info.plate(2)
    assert plate == info.plate(None), "the only one"
    assert plate.name == "Small parts"
    assert (plate.prediction, plate.weight) == (5935, 20.91)
    assert plate.model_id == "O1D"
    assert plate.nozzle_diameters == (0.4, 0.6)
    assert plate.bed_type == "textured_plate"
    assert plate.labelled
    assert plate.pictures == {"plate", "small", "pick"}


def test_objects(reader_of):
    objects = reader_of().info().plates[0].objects
    assert [(x.identify_id, x.name, x.skipped) for x in objects] == [
        (123, "Bracket & pin", False),
        (456, "Lid", True),
        (457, "Lid", False),
    ]
    assert [x.box for x in objects] == [None, (1, 2, 3, 4), (5, 6, 7, 8)]


def test_filaments(reader_of):
    first, third = reader_of().info().plates[0].filaments
    assert (first.number, first.filament_id, first.type) == (1, "GFA01", "PLA")
    assert (first.color, first.grams, first.meters) == ("#00FF00", 17.32, 5.45)
    assert third.grams is None
    assert third.color == "#112233"
    # The slicer's left and right are the printer's 1 and 0.
    assert (first.extruder, third.extruder) == (1, 0)


def test_filaments_by_nozzle_groups(reader_of):
    text = SLICE_INFO.replace('type="PLA"', 'type="PLA" group_id="5"').replace(
        "</plate>", '<nozzle id="5" extruder_id="2"/></plate>', 1
    )
    changed = reader_of(**{"Metadata/slice_info.config": text.encode()})
    assert changed.info().plates[0].filaments[0].extruder == 0


def test_one_nozzle_says_nothing_of_extruders(reader_of):
    reader = reader_of(**{"Metadata/project_settings.config": b"{}"})
    assert {x.extruder for x in reader.info().plates[0].filaments} == {None}


def test_pictures(reader_of):
    reader = reader_of()
    assert reader.picture(2) == PNG
    assert reader.picture(2, "pick") is None, "it is none"
    assert reader.picture(9) is None


@pytest.mark.parametrize(
    "name",
    [
        "Metadata/plate_2.json",
        "Metadata/model_settings.config",
        "Metadata/project_settings.config",
        "Metadata/plate_2.png",
    ],
)
def test_nearly_everything_may_be_missing(reader_of, name):
    info = reader_of(**{name: None}).info()
    assert isinstance(info, ProjectInfo)
    assert info.plates[0].prediction == 5935


def test_not_sliced(reader_of):
    with pytest.raises(ProjectError, match="not sliced"):
        reader_of(**{"Metadata/slice_info.config": None}).info()


BOMB = b"""<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<config><plate><metadata key="index" value="&b;"/></plate></config>"""
OUTSIDE = (
    b"""<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><config>&a;</config>"""
)

UNKNOWN_ENCODING = b'<?xml version="1.0" encoding="none-such"?><config/>'


@pytest.mark.parametrize(
    "content", [BOMB, OUTSIDE, b"<config>", b"\xff\xfe\x00", b"", UNKNOWN_ENCODING]
)
def test_hostile_or_broken_xml(reader_of, content):
    reader = reader_of(**{"Metadata/slice_info.config": content})
    with pytest.raises(ProjectError) as caught:
        reader.info()
    assert caught.value.details["path"] == "/part.3mf"


def test_of_two_plates_with_one_number_the_first(reader_of):
    text = SLICE_INFO.replace('key="index" value="3"', 'key="index" value="2"')
    info = reader_of(**{"Metadata/slice_info.config": text.encode()}).info()
    assert [plate.prediction for plate in info.plates] == [5935]
    assert info.plate(None) is info.plate(2)


def test_a_filament_with_a_huge_number(reader_of):
    """A mapping has a place for each number up to the largest."""
    text = SLICE_INFO.replace('filament id="3"', 'filament id="2000000000"')
    with pytest.raises(ProjectError, match="too many filaments"):
        reader_of(**{"Metadata/slice_info.config": text.encode()}).info()


def test_a_message_that_the_slicer_did_not_escape(reader_of):
    text = SLICE_INFO.replace(
        "</plate>", '<warning msg="a < b & c" level="1" error_code ="1"/></plate>', 1
    )
    info = reader_of(**{"Metadata/slice_info.config": text.encode()}).info()
    assert info.plates[0].prediction == 5935


def test_the_bed_where_older_files_name_it(reader_of):
    settings = json.dumps({"curr_bed_type": "Textured PEI Plate"}).encode()
    info = reader_of(
        **{
            "Metadata/plate_2.json": None,
            "Metadata/project_settings.config": settings,
        }
    ).info()
    assert info.plates[0].bed_type == "textured_plate"


@pytest.mark.parametrize("content", [b"[]", b"null", b"7"])
def test_unexpected_json(reader_of, content):
    info = reader_of(**{"Metadata/plate_2.json": content}).info()
    assert info.plates[0].bed_type == ""


@pytest.mark.parametrize("content", [b"{", b"\xff", b""])
def test_broken_json(reader_of, content):
    reader = reader_of(**{"Metadata/plate_2.json": content})
    with pytest.raises(ProjectError, match=r"plate_2\.json"):
        reader.info()


def test_several_plates_need_a_number(reader_of):
    info = reader_of(**{"Metadata/plate_3.gcode": b"G28"}).info()
    assert [plate.number for plate in info.plates] == [2, 3]
    assert info.plate(None) is None
    assert info.plate(3).prediction is None
    assert info.plate(4) is None


def test_only_little_is_wanted():
    assert {name for name in MEMBERS if not is_wanted(name)} == {
        "Metadata/plate_2.gcode"
    }
    assert not is_wanted("Auxiliaries/movie.mp4")
    assert not is_wanted("Metadata/plate_1234567.png")
