"""The picture of a plate with its objects numbered."""

import io

from PIL import Image, ImageDraw
import pytest

from custom_components.bambu_printer.printer.plate_picture import (
    _COLORS,
    _RED,
    SIZE,
    draw_plate,
)
from custom_components.bambu_printer.printer.project import ProjectObject

LEFT, RIGHT = 409, 70_001
OBJECTS = (
    ProjectObject(identify_id=LEFT, name="left", box=(20, 20, 110, 236)),
    ProjectObject(identify_id=RIGHT, name="right", box=(146, 20, 236, 236)),
)


def id_map(*boxes: tuple[int, tuple[int, int, int, int]], size: int = 512) -> bytes:
    """Return a map of objects: each a rectangle in the colour that is its number."""
    image = Image.new("RGBA", (size, size))
    draw = ImageDraw.Draw(image)
    for number, box in boxes:
        color = (number & 255, number >> 8 & 255, number >> 16 & 255, 255)
        draw.rectangle(box, fill=color)
    return png(image)


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def decode(picture: bytes | None) -> Image.Image:
    assert picture
    image = Image.open(io.BytesIO(picture))
    assert (image.format, image.mode, image.size) == ("PNG", "RGBA", (SIZE, SIZE))
    return image


def at(image: Image.Image, x: float, y: float) -> tuple[int, ...]:
    """Return the colour at a place, in shares of the plate from its upper left corner."""
    inside = SIZE - 48
    color = image.getpixel((int(24 + x * inside), int(24 + y * inside)))
    assert isinstance(color, tuple)
    return color


MAP = id_map((LEFT, (40, 40, 200, 470)), (RIGHT, (300, 40, 470, 470)))


@pytest.mark.parametrize("pick", [MAP, None], ids=["map", "boxes"])
def test_each_object_has_its_colour_and_label(pick: bytes | None) -> None:
    image = decode(draw_plate(OBJECTS, pick=pick))
    assert at(image, 0.2, 0.2) == (*_COLORS[0], 255)
    assert at(image, 0.8, 0.2) == (*_COLORS[1], 255)
    # Between them is the plate, and in their middle a dark label with white figures.
    assert max(at(image, 0.5, 0.53)[:3]) < 70
    label = image.crop(
        (int(0.1 * SIZE), int(0.44 * SIZE), int(0.36 * SIZE), int(0.56 * SIZE))
    )
    colors = {color for _, color in label.getcolors(1 << 20) or ()}
    assert (255, 255, 255, 255) in colors
    assert (18, 20, 24, 255) in colors
    # Outside of the plate's round corners there is nothing.
    assert image.getpixel((0, 0)) == (0, 0, 0, 0)
    assert image.getpixel((25, 25)) == (0, 0, 0, 0)


@pytest.mark.parametrize("pick", [MAP, None], ids=["map", "boxes"])
def test_skipped_objects_are_striped_and_red(pick: bytes | None) -> None:
    image = decode(draw_plate(OBJECTS, pick=pick, skipped=[RIGHT]))
    assert at(image, 0.2, 0.2) == (*_COLORS[0], 255)
    right = image.crop((SIZE // 2, 0, SIZE, SIZE))
    counted = {color: count for count, color in right.getcolors(1 << 20) or ()}
    assert (*_COLORS[1], 255) not in counted
    assert counted[*_RED, 255] > 1000
    left = image.crop((0, 0, SIZE // 2, SIZE))
    assert (*_RED, 255) not in {color for _, color in left.getcolors(1 << 20) or ()}


def test_objects_that_the_file_leaves_out() -> None:
    gone = ProjectObject(identify_id=LEFT, skipped=True)
    assert draw_plate((gone,), pick=MAP) == draw_plate(
        (ProjectObject(identify_id=LEFT),), pick=MAP, skipped=[LEFT]
    )


def test_numbers_differ() -> None:
    other = ProjectObject(identify_id=LEFT + 1, box=OBJECTS[0].box)
    assert draw_plate(OBJECTS[:1]) != draw_plate((other,))
    assert draw_plate(OBJECTS[:1]) == draw_plate(OBJECTS[:1])


def test_edges_between_objects_are_nobodys() -> None:
    """Mixed colours at an edge are no object's number."""
    image = Image.open(io.BytesIO(MAP)).convert("RGBA")
    blurred = image.resize((500, 500), Image.Resampling.BILINEAR)
    drawn = decode(draw_plate(OBJECTS, pick=png(blurred)))
    assert at(drawn, 0.2, 0.2) == (*_COLORS[0], 255)
    assert at(drawn, 0.8, 0.2) == (*_COLORS[1], 255)


@pytest.mark.parametrize(
    "pick",
    [
        b"",
        b"\x89PNG\r\n\x1a\n and nothing more",
        MAP[:200],
        id_map((99, (10, 10, 100, 100))),
        png(Image.new("RGB", (64, 64))),
        # Enlarged to the width of the picture, it would be half a million pixels high.
        png(Image.new("RGBA", (1, 512), (LEFT & 255, LEFT >> 8, 0, 255))),
        png(Image.new("RGBA", (1, 1), (LEFT & 255, LEFT >> 8, 0, 255))),
    ],
    ids=["empty", "broken", "cut off", "other objects", "black", "narrow", "tiny"],
)
def test_maps_that_say_nothing_are_done_without(pick: bytes) -> None:
    assert draw_plate(OBJECTS, pick=pick) == draw_plate(OBJECTS)


def test_a_picture_of_another_kind_is_not_decoded() -> None:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(MAP)).convert("RGB").save(buffer, "BMP")
    assert draw_plate(OBJECTS, pick=buffer.getvalue()) == draw_plate(OBJECTS)
    huge = id_map((LEFT, (0, 0, 10, 10)), size=5000)
    assert draw_plate(OBJECTS, pick=huge) == draw_plate(OBJECTS)


def test_a_large_map_is_the_same() -> None:
    large = Image.open(io.BytesIO(MAP)).resize((2048, 2048), Image.Resampling.NEAREST)
    drawn = decode(draw_plate(OBJECTS, pick=png(large)))
    assert at(drawn, 0.2, 0.2) == (*_COLORS[0], 255)
    assert at(drawn, 0.8, 0.2) == (*_COLORS[1], 255)


def test_nothing_to_draw() -> None:
    assert draw_plate(()) is None
    assert draw_plate((ProjectObject(identify_id=5),)) is None
    assert draw_plate((ProjectObject(identify_id=5),), pick=MAP) is None


@pytest.mark.parametrize(
    "box",
    [
        (0.0, 0.0, 0.0, 0.0),
        (300.0, 300.0, 100.0, 100.0),
        (-50.0, -50.0, 20.0, 20.0),
        (-1e9, -1e9, 1e9, 1e9),
        (-1e12, 0.0, -1e12 + 5, 5.0),
        (1e300, 1e300, 1e300, 1e300),
        (250.0, 250.0, 256.0, 256.0),
    ],
)
def test_odd_boxes(box: tuple[float, float, float, float]) -> None:
    draw_plate((*OBJECTS, ProjectObject(identify_id=7, box=box)))


def test_many_small_objects() -> None:
    objects = [
        ProjectObject(
            identify_id=10_000 + number,
            box=(
                5 + number % 16 * 15.5,
                5 + number // 16 * 15.5,
                15 + number % 16 * 15.5,
                15 + number // 16 * 15.5,
            ),
        )
        for number in range(100)
    ]
    decode(draw_plate(objects))
