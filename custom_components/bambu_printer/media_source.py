"""What lies on the printers' storage as media: models with their plates, and timelapses."""

from dataclasses import dataclass
import re
from typing import override

from homeassistant.components.media_player import BrowseError, MediaClass
from homeassistant.components.media_source import (
    BrowseMediaSource,
    MediaSource,
    MediaSourceItem,
    PlayMedia,
    Unresolvable,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from .const import DOMAIN
from .coordinator import PrinterCoordinator
from .printer import BambuError
from .printer.errors import FileMissingError, InvalidPathError
from .printer.listing import Entry
from .printer.operations.printing import job_name
from .printer.paths import ROOT, name_of, normalize
from .printer.project import Plate
from .printer.storage import SKIPPED_FOLDERS
from .views import (
    MIME_TYPES,
    TIMELAPSES,
    find_coordinator,
    picture_url,
    timelapse_url,
)

_MODELS, _TIMELAPSES = "models", "timelapses"
_NO_MODELS = SKIPPED_FOLDERS | {"/image", TIMELAPSES}
_PICTURES = "image/png"
_PLATE = re.compile(r"(?<=\.3mf)#(\d{1,2})$", re.IGNORECASE)
"""Folders may be called ``Part #1``."""
_VIDEO = re.compile(r"(\d{4}-\d{2}-\d{2})_(\d{2})-(\d{2})-\d{2}")


async def async_get_media_source(hass: HomeAssistant) -> PrinterMediaSource:
    """Return the media source."""
    return PrinterMediaSource(hass)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the tree something is; written ``entry/branch/path#plate``."""

    entry_id: str = ""
    branch: str = ""
    path: str = ""
    """On the printer; empty for the branch itself."""
    plate: int | None = None

    @classmethod
    def parse(cls, identifier: str) -> _Place:
        """Read an identifier; raises `InvalidPathError` for what none can be."""
        entry_id, _, rest = identifier.partition("/")
        branch, _, path = rest.partition("/")
        if branch not in ("", _MODELS, _TIMELAPSES):
            raise InvalidPathError(identifier)
        plate = None
        if branch == _MODELS and (found := _PLATE.search(path)):
            plate, path = int(found.group(1)), path[: found.start()]
        return cls(entry_id, branch, normalize(path) if path else "", plate)

    @override
    def __str__(self) -> str:
        """Write it as it is read."""
        parts = [self.entry_id, self.branch, self.path.lstrip("/")]
        text = "/".join(filter(None, parts))
        return text if self.plate is None else f"{text}#{self.plate}"


class PrinterMediaSource(MediaSource):
    """The files of all printers."""

    name = "Bambu Printer"

    def __init__(self, hass: HomeAssistant) -> None:
        """Take all printers there are, whenever they come."""
        super().__init__(DOMAIN)
        self._hass = hass

    @override
    async def async_resolve_media(self, item: MediaSourceItem) -> PlayMedia:
        """Return the address of a video or a picture."""
        try:
            place = _Place.parse(item.identifier)
        except InvalidPathError as err:
            raise _unresolvable(item) from err
        if find_coordinator(self._hass, place.entry_id) is None or not place.path:
            raise _unresolvable(item)
        if place.branch == _TIMELAPSES:
            kind = MIME_TYPES.get(place.path[place.path.rfind(".") :].lower())
            if kind is None or not place.path.startswith(f"{TIMELAPSES}/"):
                raise _unresolvable(item)
            return PlayMedia(timelapse_url(place.entry_id, place.path), kind)
        if not place.path.lower().endswith(".3mf"):
            raise _unresolvable(item)
        return PlayMedia(
            picture_url(place.entry_id, place.path, place.plate or 0), _PICTURES
        )

    @override
    async def async_browse_media(self, item: MediaSourceItem) -> BrowseMediaSource:
        """Return what is in a folder."""
        if not item.identifier:
            return self._printers()
        try:
            place = _Place.parse(item.identifier)
            coordinator = find_coordinator(self._hass, place.entry_id)
            if coordinator is None:
                raise BrowseError(
                    translation_domain=DOMAIN, translation_key="not_connected"
                )
            if not place.branch:
                return _printer(coordinator)
            if place.branch == _TIMELAPSES:
                return await _timelapses(coordinator)
            if place.path.lower().endswith(".3mf"):
                return await _model(coordinator, place)
            return await _models(coordinator, place)
        except BambuError as err:
            raise BrowseError(
                translation_domain=DOMAIN,
                translation_key=err.code,
                translation_placeholders=err.details,
            ) from err

    def _printers(self) -> BrowseMediaSource:
        entries = self._hass.config_entries.async_entries(DOMAIN)
        return _folder(
            _Place(),
            self.name,
            [
                _folder(_Place(entry.entry_id), entry.title)
                for entry in entries
                if entry.state is ConfigEntryState.LOADED
            ],
        )


def _unresolvable(item: MediaSourceItem) -> Unresolvable:
    return Unresolvable(
        translation_domain=DOMAIN,
        translation_key="no_such_media",
        translation_placeholders={"media": item.identifier},
    )


def _folder(
    place: _Place,
    title: str,
    children: list[BrowseMediaSource] | None = None,
    *,
    kind: MediaClass = MediaClass.DIRECTORY,
    thumbnail: str | None = None,
) -> BrowseMediaSource:
    return BrowseMediaSource(
        domain=DOMAIN,
        identifier=str(place) or None,
        media_class=MediaClass.APP if not place.entry_id else kind,
        media_content_type="",
        title=title,
        can_play=False,
        can_expand=True,
        thumbnail=thumbnail,
        children=children,
        children_media_class=children[0].media_class if children else None,
    )


def _item(
    place: _Place, title: str, content_type: str, thumbnail: str | None
) -> BrowseMediaSource:
    kind = MediaClass.VIDEO if content_type.startswith("video") else MediaClass.IMAGE
    return BrowseMediaSource(
        domain=DOMAIN,
        identifier=str(place),
        media_class=kind,
        media_content_type=content_type,
        title=title,
        can_play=True,
        can_expand=False,
        thumbnail=thumbnail,
    )


def _printer(coordinator: PrinterCoordinator) -> BrowseMediaSource:
    entry = coordinator.config_entry
    return _folder(
        _Place(entry.entry_id),
        entry.title,
        [
            _folder(_Place(entry.entry_id, _MODELS), "Models"),
            _folder(_Place(entry.entry_id, _TIMELAPSES), "Timelapses"),
        ],
    )


async def _models(coordinator: PrinterCoordinator, place: _Place) -> BrowseMediaSource:
    """List the models and folders in a folder."""
    entries = await coordinator.printer.storage.list_folder(place.path or ROOT)
    children = [
        _model_or_folder(place, entry)
        for entry in entries
        if not entry.name.startswith(".")
        and (
            entry.path not in _NO_MODELS
            if entry.folder
            else entry.name.lower().endswith(".3mf")
        )
    ]
    return _folder(place, name_of(place.path) or "Models", children)


def _model_or_folder(place: _Place, entry: Entry) -> BrowseMediaSource:
    inside = _Place(place.entry_id, _MODELS, entry.path)
    if entry.folder:
        return _folder(inside, entry.name)
    return _folder(
        inside,
        job_name(entry.path),
        kind=MediaClass.ALBUM,
        thumbnail=picture_url(place.entry_id, entry.path, known=True),
    )


async def _model(coordinator: PrinterCoordinator, place: _Place) -> BrowseMediaSource:
    """List the plates of a model; each is its picture."""
    # Whoever looks around has not asked for a large file to be fetched.
    info = await coordinator.printer.projects.get_project_info(place.path)
    plates = [plate for plate in info.plates if "plate" in plate.pictures]
    children = [
        _item(
            _Place(place.entry_id, _MODELS, place.path, plate.number),
            _plate_title(plate),
            _PICTURES,
            picture_url(place.entry_id, place.path, plate.number, known=True),
        )
        for plate in plates
    ]
    return _folder(
        place,
        info.title or job_name(place.path),
        children,
        kind=MediaClass.ALBUM,
        thumbnail=children[0].thumbnail if children else None,
    )


def _plate_title(plate: Plate) -> str:
    return f"{plate.number}: {plate.name}" if plate.name else str(plate.number)


async def _timelapses(coordinator: PrinterCoordinator) -> BrowseMediaSource:
    """List the timelapses, the newest first."""
    storage = coordinator.printer.storage
    entry_id = coordinator.config_entry.entry_id
    videos, thumbnails = [], {}
    try:
        videos = [
            entry
            for entry in await storage.list_folder(TIMELAPSES)
            if not entry.folder and _kind(entry).startswith("video")
        ]
        thumbnails = {
            _stem(entry): entry.path
            for entry in await storage.list_folder(f"{TIMELAPSES}/thumbnail")
            if not entry.folder and _kind(entry).startswith("image")
        }
    except FileMissingError:
        # Nobody has made a timelapse yet, or the printer makes no pictures of them.
        pass
    videos.sort(key=lambda entry: entry.name, reverse=True)
    children = [
        _item(
            _Place(entry_id, _TIMELAPSES, entry.path),
            _video_title(entry),
            _kind(entry),
            timelapse_url(entry_id, thumbnails[_stem(entry)])
            if _stem(entry) in thumbnails
            else None,
        )
        for entry in videos
    ]
    return _folder(_Place(entry_id, _TIMELAPSES), "Timelapses", children)


def _kind(entry: Entry) -> str:
    return MIME_TYPES.get(entry.name[entry.name.rfind(".") :].lower(), "")


def _stem(entry: Entry) -> str:
    return entry.name.rpartition(".")[0]


def _video_title(entry: Entry) -> str:
    """Return date and time, by the printer's clock, instead of a file name."""
    if found := _VIDEO.search(entry.name):
        return f"{found.group(1)} {found.group(2)}:{found.group(3)}"
    return _stem(entry)
