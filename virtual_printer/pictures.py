"""Pictures of plates, drawn instead of rendered."""

from collections.abc import Sequence
from functools import cache
import io
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

type Box = tuple[float, float, float, float]
type Color = tuple[int, int, int]
# Where on the bed, in which colour, and which of the shapes.
type Shape = tuple[Box, Color, int]

SIZE = 512
_SMALL = 128


def color_of(text: str) -> Color:
    """Read a colour such as #11AA22."""
    digits = text.removeprefix("#")
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)


def id_color(identify_id: int) -> Color:
    """Return the colour that stands for an object; red is the low byte."""
    return identify_id & 255, identify_id >> 8 & 255, identify_id >> 16 & 255


@cache
def plate(
    shapes: Sequence[Shape], bed: tuple[int, int], *, light: bool = True
) -> bytes:
    """Draw a plate as seen from the front."""
    image, draw = _canvas()
    if light:
        draw.rounded_rectangle((8, 8, SIZE - 8, SIZE - 8), 18, fill=(58, 60, 66, 255))
        for place in range(40, SIZE - 8, 32):
            draw.line((place, 10, place, SIZE - 10), fill=(72, 74, 80, 255))
            draw.line((10, place, SIZE - 10, place), fill=(72, 74, 80, 255))
    for box, color, kind in shapes:
        spot = _pixels(box, bed)
        dark = tuple(channel * 5 // 8 for channel in color) if light else color
        for height in range(0, 15, 3):
            _shape(draw, _raised(spot, height), (*dark, 255), kind)
        _shape(draw, _raised(spot, 15), (*color, 255), kind)
    return _png(image)


@cache
def flat(shapes: Sequence[Shape], bed: tuple[int, int]) -> bytes:
    """Draw a plate as seen from above; with id colours this is the map of objects."""
    image, draw = _canvas()
    for box, color, kind in shapes:
        _shape(draw, _pixels(box, bed), (*color, 255), kind)
    return _png(image)


def small(picture: bytes) -> bytes:
    """Shrink a picture to an icon."""
    from PIL import Image  # noqa: PLC0415 - takes longer than starting a printer

    with Image.open(io.BytesIO(picture)) as image:
        return _png(image.resize((_SMALL, _SMALL)))


@cache
def frame(number: int, count: int, size: tuple[int, int] = (640, 360)) -> bytes:
    """Draw one frame of a timelapse: something grows."""
    from PIL import Image, ImageDraw  # noqa: PLC0415

    width, height = size
    image = Image.new("RGB", size, (28, 30, 34))
    draw = ImageDraw.Draw(image)
    draw.rectangle((60, height - 60, width - 60, height - 48), fill=(90, 92, 98))
    top = height - 60 - (height - 140) * (number + 1) // count
    draw.rectangle((width // 2 - 70, top, width // 2 + 70, height - 60), fill="#2E8B57")
    draw.rectangle((width // 2 - 20, top - 30, width // 2 + 20, top), fill="#C0C0C0")
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def _canvas() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    from PIL import Image, ImageDraw  # noqa: PLC0415

    image = Image.new("RGBA", (SIZE, SIZE), (0, 0, 0, 0))
    return image, ImageDraw.Draw(image)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def _pixels(box: Box, bed: tuple[int, int]) -> Box:
    """Turn millimetres from the front left corner into pixels from the back left one."""
    across, deep = SIZE / bed[0], SIZE / bed[1]
    x0, y0, x1, y1 = box
    return x0 * across, SIZE - y1 * deep, x1 * across - 1, SIZE - y0 * deep - 1


def _raised(box: Box, height: float) -> Box:
    return box[0], box[1] - height, box[2], box[3] - height


def _shape(
    draw: ImageDraw.ImageDraw, box: Box, color: tuple[int, ...], kind: int
) -> None:
    x0, y0, x1, y1 = box
    match kind % 3:
        case 0:
            draw.rounded_rectangle(box, min(x1 - x0, y1 - y0) / 6, fill=color)
        case 1:
            draw.ellipse(box, fill=color)
        case _:
            middle, radius = (
                ((x0 + x1) / 2, (y0 + y1) / 2),
                ((x1 - x0) / 2, (y1 - y0) / 2),
            )
            draw.polygon(
                [
                    (
                        middle[0] + radius[0] * math.sin(math.tau * corner / 6),
                        middle[1] - radius[1] * math.cos(math.tau * corner / 6),
                    )
                    for corner in range(6)
                ],
                fill=color,
            )


@cache
def camera_frames(size: tuple[int, int], count: int = 12) -> tuple[bytes, ...]:
    """Draw what a camera sees: a plate with a part, and a head that moves over it."""
    return tuple(_camera_frame(size, number, count) for number in range(count))


def _camera_frame(size: tuple[int, int], number: int, count: int) -> bytes:
    from PIL import Image, ImageDraw  # noqa: PLC0415

    width, height = size
    image = Image.new("RGB", size, (28, 30, 34))
    draw = ImageDraw.Draw(image)
    floor = height * 0.62
    for row in range(0, int(floor), 4):
        shade = 40 + row * 40 // height
        draw.rectangle((0, row, width, row + 4), fill=(shade, shade + 2, shade + 6))
    draw.polygon(
        [
            (width * 0.22, floor),
            (width * 0.78, floor),
            (width * 0.95, height * 0.95),
            (width * 0.05, height * 0.95),
        ],
        fill=(58, 62, 60),
    )
    part = (width * 0.42, floor - height * 0.12, width * 0.58, floor + height * 0.16)
    draw.rounded_rectangle(part, width / 60, fill=(0, 174, 66))
    swing = math.sin(math.tau * number / count)
    x, y = width * (0.5 + 0.09 * swing), floor - height * 0.12
    draw.rectangle((0, y - height * 0.3, width, y - height * 0.25), fill=(12, 12, 14))
    draw.rectangle(
        (x - width * 0.06, y - height * 0.36, x + width * 0.06, y - height * 0.06),
        fill=(80, 84, 90),
    )
    draw.polygon(
        [
            (x - width * 0.02, y - height * 0.06),
            (x + width * 0.02, y - height * 0.06),
            (x, y),
        ],
        fill=(210, 160, 60),
    )
    draw.text(
        (width * 0.03, height * 0.03),
        f"camera {number + 1}/{count}",
        fill=(255, 255, 255),
        font_size=height / 24,
    )
    content = io.BytesIO()
    image.save(content, "JPEG", quality=85)
    return content.getvalue()
