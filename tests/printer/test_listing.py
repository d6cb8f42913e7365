"""Listings of folders as both servers print them, and as nobody should."""

from datetime import UTC, datetime

import pytest

from custom_components.bambu_printer.printer.folders import Folders
from custom_components.bambu_printer.printer.listing import Entry, parse_listing

TODAY = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def parse(*lines, **options):
    return list(parse_listing("/x", lines, today=TODAY, **options))


def test_both_forms():
    first, second = parse(
        "-rw-r--r-- 1 1000 1000 1632221 Jun 17 2025 A  part (1).3mf\r",
        "drwxr-xr-x 2 root root       4096 Nov 18 00:27 folder",
    )
    assert first == Entry(
        path="/x/A  part (1).3mf",
        name="A  part (1).3mf",
        folder=False,
        size=1632221,
        modified="2025-06-17T00:00:00",
    )
    assert (second.folder, second.size) == (True, 0)
    assert second.modified == "2026-11-18T00:27:00"


def test_spaces_belong_to_names():
    (entry,) = parse("-rw-r--r-- 1 0 0 5 Jun 17 2025  two, and one at the end ")
    assert entry.name == " two, and one at the end "


@pytest.mark.parametrize(
    "line",
    [
        "",
        "total 12",
        "lrwxrwxrwx 1 0 0 5 Jun 17 2025 link -> /etc/passwd",
        "-rw-r--r-- 1 0 0 5 Jun 17 2025 ..",
        "-rw-r--r-- 1 0 0 5 Jun 17 2025 a/b",
        "-rw-r--r-- 1 0 0 5 Jun 17 2025 a\x07b",
        "-rw-r--r-- 1 0 0 many Jun 17 2025 a",
        "-rw-r--r-- 1 0 0 5 Jun 17 a",
        "\x00" * 300,
    ],
)
def test_what_is_no_entry(line):
    assert parse(line) == []


@pytest.mark.parametrize(
    ("when", "calendar_year", "expected"),
    [
        ("Nov 25 11:00", False, "2026-11-25T11:00:00"),
        ("Jun  1 11:00", False, "2026-06-01T11:00:00"),
        # A clock that is ahead.
        ("Jan  2 11:00", False, "2027-01-02T11:00:00"),
        # A server that leaves out the year for all of this one.
        ("Jan  2 11:00", True, "2026-01-02T11:00:00"),
        ("Feb 30 11:00", False, ""),
        ("Foo 30 11:00", False, ""),
    ],
)
def test_years(when, calendar_year, expected):
    (entry,) = parse(f"-rw-r--r-- 1 0 0 5 {when} a", calendar_year=calendar_year)
    assert entry.modified == expected


def test_a_folder_without_end():
    line = "-rw-r--r-- 1 0 0 5 Jun 17 2025 a"
    assert len(parse(*[line] * 30_000)) == 20_000


# ---- what is known of them -----------------------------------------------------------------


def file(path, size=1):
    return Entry(
        path=path, name=path.rpartition("/")[2], folder=False, size=size, modified=""
    )


def folder(path):
    return Entry(
        path=path, name=path.rpartition("/")[2], folder=True, size=0, modified=""
    )


@pytest.fixture
def known():
    found = Folders()
    found.set("/", [file("/b.3mf"), folder("/a"), file("/._b.3mf"), file("/n.txt")])
    found.set("/a", [folder("/a/deep"), file("/a/c.3mf")])
    found.set("/a/deep", [file("/a/deep/d.3mf")])
    return found


def paths(tree):
    return [
        tree["id"],
        *(x for child in tree.get("children", ()) for x in paths(child)),
    ]


def test_trees(known):
    assert paths(known.tree()) == [
        *("/", "/a", "/a/deep", "/a/deep/d.3mf", "/a/c.3mf", "/b.3mf", "/n.txt")
    ]
    assert "/n.txt" not in paths(known.projects())


def test_moving_a_folder_takes_along_what_is_in_it(known):
    known.move("/a", "/z")
    assert paths(known.tree()) == [
        *("/", "/z", "/z/deep", "/z/deep/d.3mf", "/z/c.3mf", "/b.3mf", "/n.txt")
    ]
    assert "/a" not in known
    known.move("/z/deep", "/z/other")
    assert known.entries("/z/other")[0].path == "/z/other/d.3mf"


def test_moving_what_was_never_seen(known):
    known.move("/elsewhere/x.3mf", "/a/x.3mf")
    assert "/a" not in known, "it has to be listed again"


def test_removing_and_adding(known):
    known.remove("/a")
    known.add("/new.3mf", 5)
    known.add_folder("/folder")
    known.add_folder("/folder")
    known.add("/folder/x.3mf", 5)
    known.add("/unknown/x.3mf", 5)
    assert paths(known.tree()) == [
        *("/", "/folder", "/folder/x.3mf", "/b.3mf", "/n.txt", "/new.3mf")
    ]


def test_listing_again_forgets_folders_that_are_gone(known):
    known.set("/", [file("/b.3mf")])
    assert "/a" not in known
    assert "/a/deep" not in known
