"""Which objects are meant."""

from typing import Any

import pytest

from custom_components.bambu_printer.printer import errors
from custom_components.bambu_printer.printer.project import Plate, ProjectObject
from custom_components.bambu_printer.printer.skipping import object_numbers, skippable

OBJECTS = (
    ProjectObject(identify_id=409, name="Base"),
    ProjectObject(identify_id=1463, name="Clip"),
    ProjectObject(identify_id=2517, name="Clip"),
    ProjectObject(identify_id=3571, name="77"),
    ProjectObject(identify_id=77, name="Lid"),
)
PLATE = Plate(number=1, objects=OBJECTS, labelled=True)


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ([409, 1463, 409], [409, 1463]),
        (["Base", " base ", 409], [409]),
        (["LID", "1463"], [77, 1463]),
        # A name counts before a number.
        (["77"], [3571]),
        ([77], [77]),
    ],
)
def test_numbers_and_names(wanted: list[int | str], numbers: list[int]) -> None:
    assert object_numbers(wanted, PLATE) == numbers


@pytest.mark.parametrize(
    ("wanted", "error", "details"),
    [
        ([], errors.InvalidValueError, {}),
        ([True], errors.InvalidValueError, {}),
        (["Clip"], errors.AmbiguousObjectError, {"numbers": "1463, 2517"}),
        (["Knob"], errors.NoSuchObjectError, {"wanted": "Knob"}),
        ([1], errors.NoSuchObjectError, {"wanted": "1"}),
        (["5"], errors.NoSuchObjectError, {"wanted": "5"}),
        ([x.identify_id for x in OBJECTS], errors.NothingLeftError, {}),
    ],
)
def test_refused(wanted: list[Any], error: type[Exception], details: Any) -> None:
    with pytest.raises(error) as caught:
        object_numbers(wanted, PLATE)
    assert details.items() <= getattr(caught.value, "details").items()  # noqa: B009


def test_what_is_skipped_already_counts() -> None:
    with pytest.raises(errors.NothingLeftError):
        object_numbers([409, 77], PLATE, (1463, 2517, 3571))
    assert object_numbers([409], PLATE, (1463, 2517, 3571)) == [409]


@pytest.mark.parametrize(
    "plate",
    [
        Plate(number=1, objects=OBJECTS, labelled=False),
        Plate(number=1, objects=OBJECTS[:1], labelled=True),
        Plate(
            number=1,
            labelled=True,
            objects=tuple(ProjectObject(identify_id=n) for n in range(400, 465)),
        ),
    ],
    ids=["no labels", "one object", "65 objects"],
)
def test_limits_of_the_printer(plate: Plate) -> None:
    assert not skippable(plate)
    assert skippable(PLATE)
    with pytest.raises(errors.NotSkippableError):
        object_numbers([plate.objects[0].identify_id], plate)


def test_without_a_plate() -> None:
    assert object_numbers([5, "7", 5], None) == [5, 7]
    with pytest.raises(errors.ObjectsUnknownError):
        object_numbers(["Base"], None)
    with pytest.raises(errors.InvalidValueError):
        object_numbers([-1], None)
