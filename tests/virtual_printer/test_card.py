"""The card and the archives on it, and jobs that are started from it."""

import asyncio
import hashlib
import io
import json
import struct
import time
from typing import Any
from xml.etree import ElementTree as ET
import zipfile
import zlib

from PIL import Image
import pytest

from virtual_printer import PROFILES, VirtualPrinter, hostile
from virtual_printer.padding import empty_lines, length_of
from virtual_printer.pictures import id_color
from virtual_printer.threemf import project_bytes

from .test_print import EXTERNAL, PROJECT

_DESCRIPTOR = 8


def plates_of(archive: zipfile.ZipFile) -> dict[int, ET.Element]:
    root = ET.fromstring(archive.read("Metadata/slice_info.config"))
    plates = {}
    for plate in root.iter("plate"):
        values = {item.get("key"): item.get("value") for item in plate.iter("metadata")}
        plates[int(values["index"] or 0)] = plate
    return plates


@pytest.mark.parametrize("model", PROFILES)
async def test_card_of_every_model(socket_enabled, model):
    async with VirtualPrinter(model, autostart_reports=False) as vp:
        report, card = vp.report, vp.card
        own = card / f"{report['subtask_name']}.gcode.3mf"
        with zipfile.ZipFile(own) as archive:
            assert archive.testzip() is None
            assert list(plates_of(archive)) == [1]
            head = archive.read("Metadata/plate_1.gcode").decode()
            assert f"; total layer number: {report['total_layer_num']}\n" in head
            info = archive.read("Metadata/slice_info.config").decode()
            assert f'key="printer_model_id" value="{vp.profile.code}"' in info
        suffix = "avi" if vp.profile.family in ("P1", "A1", "A2") else "mp4"
        videos = list((card / "timelapse").glob(f"video_*.{suffix}"))
        assert videos
        for video in videos:
            with Image.open(
                card / "timelapse/thumbnail" / f"{video.stem}.jpg"
            ) as image:
                assert image.size == (640, 360)
        assert list((card / "cache").glob("*.3mf"))
        # The large one takes its time, and is tested once, below.
        for path in set(card.rglob("[!.]*.3mf")) - {card / "Large_vase.gcode.3mf"}:
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None


async def test_starting_is_fast_and_the_card_comes_later(socket_enabled):
    start = time.monotonic()
    async with VirtualPrinter("H2D", autostart_reports=False) as vp:
        assert time.monotonic() - start < 0.3
        assert not vp._card.used


async def test_archive_as_the_slicer_writes_it(socket_enabled):
    async with VirtualPrinter("X1C", autostart_reports=False) as vp:
        project = vp.make_project("Toys & more.gcode.3mf", plates=3, objects=4)
        path = vp.card / "Toys & more.gcode.3mf"
        content = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        for info in archive.infolist():
            late = info.filename.endswith(".gcode")
            assert bool(info.flag_bits & _DESCRIPTOR) is late
            local = struct.unpack_from("<3L", content, info.header_offset + 14)
            assert (local == (0, 0, 0)) is late
        # Pictures of every plate, the rest of the sliced ones only; configuration last.
        for number in (1, 2, 3):
            assert f"Metadata/plate_{number}.png" in names
            sliced = number != 2
            for name in (f"plate_{number}.gcode", f"plate_{number}.json"):
                assert (f"Metadata/{name}" in names) is sliced
        order = [names.index(f"Metadata/{name}") for name in ("pick_3.png",)]
        order.append(names.index("Metadata/plate_1.gcode"))
        order.append(names.index("Metadata/slice_info.config"))
        assert order == sorted(order)
        plates = plates_of(archive)
        assert list(plates) == [1, 3]
        for number, plate in plates.items():
            gcode = archive.read(f"Metadata/plate_{number}.gcode")
            digest = hashlib.md5(gcode, usedforsecurity=False).hexdigest().upper()
            assert archive.read(f"Metadata/plate_{number}.gcode.md5").decode() == digest
            ids = [int(item.attrib["identify_id"]) for item in plate.iter("object")]
            assert tuple(ids) == project.plates[number - 1].objects
            assert len(set(ids)) == 4
            assert len({item.get("name") for item in plate.iter("object")}) == 3
            boxes = json.loads(archive.read(f"Metadata/plate_{number}.json"))
            others = [box["id"] for box in boxes["bbox_objects"]]
            assert not set(others) & set(ids)
            assert boxes["bbox_objects"][-1]["name"] == "wipe_tower"
            pick, top = (
                Image.open(io.BytesIO(archive.read(f"Metadata/{kind}_{number}.png")))
                for kind in ("pick", "top")
            )
            assert pick.size == top.size == (512, 512)
            colors: Any = pick.getcolors()
            shown = {tuple(color[:3]) for _, color in colors if color[3]}
            assert shown == {id_color(number) for number in ids}
            assert pick.getchannel("A").tobytes() == top.getchannel("A").tobytes()
        assert json.loads(archive.read("Metadata/project_settings.config"))[
            "filament_ids"
        ]
        ET.fromstring(archive.read("Metadata/model_settings.config"))
        assert b"Toys &amp;amp; more" in archive.read("3D/3dmodel.model")


async def test_two_nozzles(socket_enabled):
    async with VirtualPrinter("H2D", autostart_reports=False) as vp:
        with zipfile.ZipFile(vp.card / "Two_nozzle_sign.gcode.3mf") as archive:
            plate = plates_of(archive)[1]
            settings = json.loads(archive.read("Metadata/project_settings.config"))
    values = {item.get("key"): item.get("value") for item in plate.iter("metadata")}
    assert values["filament_maps"] == "1 1 2"
    assert values["nozzle_diameters"] == "0.4,0.4"
    nozzles = {item.get("id"): item.get("extruder_id") for item in plate.iter("nozzle")}
    assert nozzles == {"0": "1", "1": "2"}
    groups = {item.get("id"): item.get("group_id") for item in plate.iter("filament")}
    assert groups == {"1": "0", "3": "1"}
    assert settings["physical_extruder_map"] == ["1", "0"]


async def test_large_archive(socket_enabled):
    async with VirtualPrinter("X1C", autostart_reports=False) as vp:
        size = 32 << 20
        await asyncio.to_thread(vp.make_project, "Large.gcode.3mf", size=size)
        path = vp.card / "Large.gcode.3mf"
        assert 0.97 * size < path.stat().st_size < 1.03 * size
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo("Metadata/plate_1.gcode")
            # Somewhere in the middle, and it does not shrink any more.
            assert info.compress_size > 0.95 * size
            digest, crc = hashlib.md5(usedforsecurity=False), 0
            with archive.open(info) as member:
                while block := member.read(1 << 20):
                    digest.update(block)
                    crc += len(block)
            assert crc == info.file_size
            kept = archive.read("Metadata/plate_1.gcode.md5").decode()
            assert kept == digest.hexdigest().upper()


async def test_print_from_the_card(start):
    printer, client = await start("X1C", scenario="idle", speed=10)
    project = printer.make_project("box.gcode.3mf", plates=2)
    wanted = project.plates[1]
    url = "ftp:///box.gcode.3mf"
    answer = await client.ask("print", "project_file", url=url, **PROJECT, **EXTERNAL)
    assert answer["result"] == "success"
    while printer.report["gcode_state"] != "RUNNING":
        await printer.tick(1)
    assert printer.report["total_layer_num"] == wanted.layers
    assert printer.report["mc_remaining_time"] == wanted.seconds // 60
    first, second, *_ = wanted.objects
    await client.ask("print", "skip_objects", obj_list=[first, 7, second])
    assert printer.report["s_obj"] == [first, second]


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("file:///sdcard/cache/box.gcode.3mf", True),
        ("ftp://cache/box.gcode.3mf", True),
        ("ftp:///cache/box.gcode.3mf", True),
        ("file:///media/usb0/cache/box.gcode.3mf", True),
        ("https://example.com/elsewhere.3mf", True),
        ("brtc://emmc/elsewhere.3mf", True),
        ("file:///sdcard/box.gcode.3mf", False),
        ("ftp:///cache", False),
        ("", False),
    ],
)
async def test_the_file_must_be_on_the_card(start, url, found):
    printer, client = await start("P2S", scenario="idle")
    printer.make_project("cache/box.gcode.3mf", plates=2)
    answer = await client.ask("print", "project_file", url=url, **PROJECT, **EXTERNAL)
    assert answer["result"] == "success"
    assert (printer.report["print_error"] == 0x0500C010) is not found
    assert (printer.report["gcode_state"] == "PREPARE") is found


async def test_a_plate_without_gcode_does_not_start(start):
    printer, client = await start("A1", scenario="idle")
    printer.make_project("box.gcode.3mf", plates=3)
    await client.ask("print", "project_file", **PROJECT, **EXTERNAL)
    assert printer.report["print_error"] == 0x05004003
    assert printer.report["gcode_state"] == "IDLE"


async def test_objects_of_the_job_at_the_start(start):
    printer, client = await start("P1S")
    with zipfile.ZipFile(
        printer.card / f"{printer.report['subtask_name']}.gcode.3mf"
    ) as archive:
        items = plates_of(archive)[1].iter("object")
        ids = [int(item.attrib["identify_id"]) for item in items]
    await client.ask("print", "skip_objects", obj_list=[1, ids[2]])
    assert printer.report["s_obj"] == [ids[2]]


async def test_p2s_protects_the_file_of_the_job(start):
    printer, _ = await start("P2S")
    assert printer._locked(printer.card / "Drawer organiser 2x3.gcode.3mf")
    assert not printer._locked(printer.card / "Desk_organiser.gcode.3mf")


@pytest.mark.parametrize(("name", "content"), hostile.hostile())
async def test_hostile_archives_do_not_hurt_the_printer(start, name, content):
    printer, client = await start("X1C", scenario="idle")
    printer.add_file("box.gcode.3mf", content)
    settings = {**PROJECT, "param": "Metadata/plate_1.gcode"}
    answer = await client.ask("print", "project_file", **settings, **EXTERNAL)
    assert answer["result"] == "success"
    refused = printer.report["print_error"] == 0x05004003
    assert refused is (name != "escaping_names")


def test_archives_that_are_what_they_say():
    with zipfile.ZipFile(io.BytesIO(hostile.zip64())) as archive:
        assert archive.testzip() is None
        assert list(plates_of(archive)) == [1]
    with zipfile.ZipFile(io.BytesIO(hostile.many_members(70_000))) as archive:
        assert len(archive.namelist()) == 70_002
    bomb = hostile.zip_bomb(1 << 26)
    assert len(bomb) < 200_000
    with zipfile.ZipFile(io.BytesIO(bomb)) as archive:
        assert archive.getinfo("Metadata/slice_info.config").file_size == 1 << 26
        assert archive.testzip() is None
    with zipfile.ZipFile(io.BytesIO(hostile.wrong_crc())) as archive:
        assert archive.testzip() == "Metadata/slice_info.config"
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(hostile.truncated()))


def test_members_can_be_left_out():
    from dataclasses import replace

    project = replace(hostile._PROJECT, without=frozenset({"Metadata/pick_1.png"}))
    with zipfile.ZipFile(io.BytesIO(project_bytes(project))) as archive:
        assert "Metadata/pick_1.png" not in archive.namelist()


@pytest.mark.parametrize("count", [1, 2, 9, 1000, 70_000])
def test_empty_lines(count):
    parts = list(empty_lines(count))
    packed = b"".join(x if isinstance(x, bytes) else bytes(x) for x in parts)
    assert len(packed) == length_of(parts)
    assert zlib.decompressobj(-15).decompress(packed) == b"\n" * count


def test_the_large_project_takes_no_room(socket_enabled):
    card = VirtualPrinter("X1C").card
    path = card / "Large_vase.gcode.3mf"
    assert path.stat().st_size > 200_000_000
    assert path.stat().st_blocks * 512 < 1_000_000
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("Metadata/plate_1.gcode").compress_size > 199_000_000
        assert archive.testzip() is None
