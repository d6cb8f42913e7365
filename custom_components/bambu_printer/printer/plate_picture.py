"""A picture of a plate from above, with the numbers by which its objects are skipped.

Drawn from the map of objects that a sliced project carries (each object in a colour that
is its number), else from the boxes around them.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
import io
import math

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from .project import ProjectObject

SIZE = 1024
"""Width and height, pixels."""

_MARGIN = 24
_AREA = SIZE - 2 * _MARGIN
_RADIUS = 40
_MOST_OBJECTS = 128
_SMALLEST_MAP, _LARGEST_MAP, _MAP = 64, 4096, 1024
"""Width and height, pixels: what is no map of a plate, and what is enough to work with."""
_FARTHEST = 1000.0
"""Distance from the corner of the bed beyond which no object can be, mm."""
_SPACE = 8
"""Pixels around the shape of an object."""
_COARSE = 48
"""Width of the map on which the place of a label is looked for."""
_BEDS = (180.0, 256.0, 350.0)
"""Widths of beds, mm: the narrowest one that holds all boxes is drawn."""

_PLATE = (38, 42, 49)
_EDGE = (84, 91, 102)
_GRID = (50, 55, 63)
_INK = (255, 255, 255)
_SHADE = (18, 20, 24)
_GONE = (74, 79, 87)
_STRIPE = (104, 62, 64)
_RED = (226, 75, 74)
_COLORS = (
    (79, 147, 232),
    (67, 176, 123),
    (232, 161, 60),
    (150, 117, 224),
    (56, 178, 190),
    (222, 111, 155),
    (139, 170, 63),
    (205, 126, 79),
)
"""Told apart also by those who see red and green alike: neighbours differ in lightness."""

_INSIDE = [max(0, min(255, (value - 215) * 8)) for value in range(256)]
"""Leaves of a blurred mask what is some pixels away from its edge."""

type Color = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Spot:
    """An object on the picture."""

    number: int
    mask: Image.Image
    """Its shape, with some empty space around."""
    corner: tuple[int, int]
    """Where the mask's upper left corner is, pixels of the plate."""
    label: tuple[float, float]
    """The middle of its label, pixels of the plate."""
    room: float
    """How far the edge of the object is from there, pixels."""


def draw_plate(
    objects: Sequence[ProjectObject],
    *,
    pick: bytes | None = None,
    skipped: Collection[int] = (),
) -> bytes | None:
    """Return the picture (PNG); None when nobody knows where the objects are.

    `pick` is the map of objects (PNG); one that cannot be read is done without.
    `skipped` are the numbers of those that were skipped since the file was made.
    Blocks for some tenths of a second: call it in an executor.
    """
    objects = objects[:_MOST_OBJECTS]
    spots = list(_from_map(objects, pick)) if pick else []
    if not spots:
        spots = list(_from_boxes(objects))
    if not spots:
        return None
    gone = {*skipped, *(item.identify_id for item in objects if item.skipped)}
    plate = _empty_plate()
    stripes = _stripes()
    shadows = Image.new("L", plate.size)
    for spot in spots:
        shadows.paste(255, spot.corner, spot.mask)
    shadows = ImageChops.offset(shadows, 0, 8).filter(ImageFilter.GaussianBlur(8))
    plate.paste(_SHADE, mask=shadows.point([value * 5 // 8 for value in range(256)]))
    order = {item.identify_id: place for place, item in enumerate(objects)}
    for spot in spots:
        if spot.number in gone:
            _paint(plate, spot, stripes, _RED)
        else:
            color = _COLORS[order[spot.number] % len(_COLORS)]
            _paint(plate, spot, color, _mix(color, _INK, 0.55))
    draw = ImageDraw.Draw(plate)
    for spot in spots:
        _label(draw, spot, gone=spot.number in gone)
    return _finish(plate)


# Where the objects are


def _from_map(objects: Iterable[ProjectObject], pick: bytes) -> Iterator[_Spot]:
    """Cut each object out of the map; colours that are no object's number are edges."""
    picture = _open_map(pick)
    if picture is None:
        return
    red, green, blue, alpha = picture.split()
    opaque = alpha.point([0, *[255] * 255])
    for item in objects:
        number = item.identify_id
        mask = opaque
        for shift, channel in ((0, red), (8, green), (16, blue)):
            lookup = [0] * 256
            lookup[number >> shift & 255] = 255
            mask = ImageChops.multiply(mask, channel.point(lookup))
        if bounds := mask.getbbox():
            yield _spot(number, *_smooth(mask, bounds))


def _open_map(pick: bytes) -> Image.Image | None:
    try:
        with Image.open(io.BytesIO(pick), formats=["PNG"]) as picture:
            # One that is narrow or high would become huge when it is enlarged.
            if not (_SMALLEST_MAP <= picture.height <= picture.width <= _LARGEST_MAP):
                return None
            found = picture.convert("RGBA")
    except OSError, SyntaxError, ValueError, Image.DecompressionBombError:
        return None
    if found.width > _MAP:
        # Without mixing colours: they are numbers.
        size = (_MAP, max(1, _MAP * found.height // found.width))
        found = found.resize(size, Image.Resampling.NEAREST)
    return found


def _smooth(
    mask: Image.Image, bounds: tuple[int, int, int, int]
) -> tuple[Image.Image, tuple[int, int]]:
    """Enlarge a mask without stairs, and without the pixels between two objects."""
    scale = _AREA / mask.width
    left, top = (math.floor((edge - _SPACE) * scale) for edge in bounds[:2])
    right, bottom = (math.ceil((edge + _SPACE) * scale) for edge in bounds[2:])
    # What lies beside the map is empty.
    offset = 2 * _SPACE
    box = (
        left / scale + offset,
        top / scale + offset,
        right / scale + offset,
        bottom / scale + offset,
    )
    framed = Image.new("L", (mask.width + 2 * offset, mask.height + 2 * offset))
    framed.paste(mask, (offset, offset))
    large = framed.resize(
        (right - left, bottom - top),
        Image.Resampling.BILINEAR,
        box,
    )
    soft = large.filter(ImageFilter.GaussianBlur(2.2))
    # Steep, but not hard: half a shade at the edge is what makes it smooth.
    steep = soft.point([max(0, min(255, (value - 96) * 4)) for value in range(256)])
    return steep, (left, top)


def _from_boxes(objects: Sequence[ProjectObject]) -> Iterator[_Spot]:
    boxes = {
        item.identify_id: item.box
        for item in objects
        if item.box and all(abs(edge) <= _FARTHEST for edge in item.box)
    }
    if not boxes:
        return
    farthest = max(max(box) for box in boxes.values())
    bed = next((width for width in _BEDS if farthest <= width), farthest)
    scale = _AREA / bed
    for number, (left, front, right, back) in boxes.items():
        width = max(2, round((right - left) * scale))
        height = max(2, round((back - front) * scale))
        if width > _AREA or height > _AREA:
            continue
        mask = Image.new("L", (width + 2 * _SPACE, height + 2 * _SPACE))
        ImageDraw.Draw(mask).rounded_rectangle(
            (_SPACE, _SPACE, _SPACE + width - 1, _SPACE + height - 1),
            min(width, height, 60) / 5,
            fill=255,
        )
        corner = (round(left * scale) - _SPACE, round(_AREA - back * scale) - _SPACE)
        yield _spot(number, mask, corner)


def _spot(number: int, mask: Image.Image, corner: tuple[int, int]) -> _Spot:
    """Find the place in an object that is farthest from its edge."""
    scale = max(1.0, max(mask.size) / _COARSE)
    size = (math.ceil(mask.width / scale), math.ceil(mask.height / scale))
    coarse = mask.resize(size, Image.Resampling.BOX)
    left = coarse.point([0] * 96 + [255] * 160)
    if left.getbbox() is None:
        # Thin, or tiny: wherever there is any of it.
        left = coarse.point([0] + [255] * 255)
    depth = 0
    while (smaller := left.filter(ImageFilter.MinFilter(3))).getbbox() is not None:
        left = smaller
        depth += 1
    bounds = left.getbbox() or (0, 0, *size)
    middle = ((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2)
    places = [
        (x + 0.5, y + 0.5)
        for y in range(bounds[1], bounds[3])
        for x in range(bounds[0], bounds[2])
        if left.getpixel((x, y))
    ]
    place = min(places, key=lambda at: math.dist(at, middle), default=middle)
    label = (corner[0] + place[0] * scale, corner[1] + place[1] * scale)
    return _Spot(number, mask, corner, label, (depth + 0.5) * scale)


# How they look


def _empty_plate() -> Image.Image:
    plate = Image.new("RGB", (_AREA, _AREA), _PLATE)
    draw = ImageDraw.Draw(plate)
    for step in range(1, 16):
        place = _AREA * step / 16
        draw.line((place, 0, place, _AREA), fill=_GRID, width=2)
        draw.line((0, place, _AREA, place), fill=_GRID, width=2)
    return plate


def _stripes() -> Image.Image:
    """Return what a skipped object is filled with."""
    image = Image.new("RGB", (_AREA, _AREA), _GONE)
    draw = ImageDraw.Draw(image)
    for start in range(-_AREA, _AREA, 28):
        draw.line((start, _AREA, start + _AREA, 0), fill=_STRIPE, width=10)
    return image


def _paint(
    plate: Image.Image, spot: _Spot, fill: Image.Image | Color, edge: Color
) -> None:
    """Put an object on the plate, with a rim."""
    box = (
        *spot.corner,
        spot.corner[0] + spot.mask.width,
        spot.corner[1] + spot.mask.height,
    )
    plate.paste(edge, box, spot.mask)
    inside = spot.mask.filter(ImageFilter.GaussianBlur(2.5)).point(_INSIDE)
    plate.paste(fill.crop(box) if isinstance(fill, Image.Image) else fill, box, inside)


def _label(draw: ImageDraw.ImageDraw, spot: _Spot, *, gone: bool) -> None:
    """Write the number on its object, as large as fits and still can be read."""
    text = str(spot.number)
    size = max(20.0, min(46.0, spot.room * 2.2 / max(2, len(text)) ** 0.75))
    font = ImageFont.load_default(size)
    width, height = draw.textlength(text, font), size
    half = (width / 2 + size * 0.5, height * 0.72)
    x = min(max(spot.label[0], half[0] + 4), _AREA - half[0] - 4)
    y = min(max(spot.label[1], half[1] + 4), _AREA - half[1] - 4)
    box = (x - half[0], y - half[1], x + half[0], y + half[1])
    draw.rounded_rectangle(
        box,
        half[1],
        fill=_RED if gone else _SHADE,
        outline=_INK,
        width=2 if size < 30 else 3,
    )
    draw.text((x, y), text, fill=_INK, font=font, anchor="mm")


def _mix(color: Color, other: Color, share: float) -> Color:
    red, green, blue = (
        round(a + (b - a) * share) for a, b in zip(color, other, strict=True)
    )
    return red, green, blue


def _finish(plate: Image.Image) -> bytes:
    """Round the corners of the plate, and leave the rest transparent."""
    large = (_AREA * 2, _AREA * 2)
    corners = Image.new("L", large)
    ImageDraw.Draw(corners).rounded_rectangle(
        (0, 0, large[0] - 1, large[1] - 1), _RADIUS * 2, fill=255
    )
    corners = corners.resize(plate.size, Image.Resampling.BOX)
    ImageDraw.Draw(plate).rounded_rectangle(
        (0, 0, _AREA - 1, _AREA - 1), _RADIUS, outline=_EDGE, width=3
    )
    image = Image.new("RGBA", (SIZE, SIZE))
    image.paste(plate, (_MARGIN, _MARGIN), corners)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()
