"""Files of this machine that actions read and write: only what the user has allowed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
import mimetypes
from pathlib import Path
import tempfile
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp
from homeassistant.components.media_player import async_process_play_media_url
from homeassistant.components.media_source import (
    MediaSourceError,
    async_resolve_media,
    is_media_source_id,
)
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .const import DOMAIN

MOST_FETCHED = 4 << 30
"""Bytes of a media file that has to be fetched before it can be sent on."""
_ENDLESS = ("multipart/", "application/vnd.apple.mpegurl", "application/x-mpegurl")
"""Types of cameras: what they show has no end, or is not in what is fetched."""
_BLOCK = 1 << 20
_FETCH_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=15, sock_read=60)


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file that can be read."""

    path: Path
    name: str
    """What it is called, without folders."""
    size: int
    """Bytes."""


def refuse(*, translation_key: str, **placeholders: str) -> ServiceValidationError:
    """Return the error that tells the caller what is wrong with what was asked for."""
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key=translation_key,
        translation_placeholders=placeholders,
    )


@asynccontextmanager
async def async_source(
    hass: HomeAssistant, *, media: str | None, path: str | None
) -> AsyncIterator[LocalFile]:
    """Return a file by its media source id or its path, as long as it is needed."""
    if path is not None:
        yield await _local(hass, Path(path))
        return
    assert media is not None
    if not is_media_source_id(media):
        raise refuse(
            translation_key="media_not_usable", media=media, reason="no media source id"
        )
    await hass.async_add_executor_job(_know_projects)
    try:
        found = await async_resolve_media(hass, media, None)
    except (MediaSourceError, AssertionError) as err:
        # Local media asserts that it knows the type of every file.
        raise refuse(
            translation_key="media_not_usable", media=media, reason=str(err)
        ) from err
    if found.path is not None:
        # The media source has checked that everybody may read it.
        yield await _describe(hass, found.path)
        return
    with await hass.async_add_executor_job(_temporary_folder) as folder:
        yield await _fetch(hass, media, found.url, Path(folder))


def _know_projects() -> None:
    """Teach Python the type of projects, where the system does not know it."""
    if mimetypes.guess_type("project.3mf")[0] is None:
        mimetypes.add_type("model/3mf", ".3mf")


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="bambu_printer_")


async def _local(hass: HomeAssistant, path: Path) -> LocalFile:
    if not await hass.async_add_executor_job(hass.config.is_allowed_path, str(path)):
        raise refuse(translation_key="path_not_allowed", path=str(path))
    return await _describe(hass, path)


async def _describe(hass: HomeAssistant, path: Path) -> LocalFile:
    def look() -> int | None:
        return path.stat().st_size if path.is_file() else None

    size = await hass.async_add_executor_job(look)
    if size is None:
        raise refuse(translation_key="no_local_file", path=str(path))
    return LocalFile(path, path.name, size)


async def _fetch(hass: HomeAssistant, media: str, url: str, folder: Path) -> LocalFile:
    """Fetch what only a web server has."""
    name = Path(unquote(urlsplit(url).path)).name or "file"
    target = folder / "media"
    try:
        url = async_process_play_media_url(hass, url)
        async with async_get_clientsession(hass).get(
            url, timeout=_FETCH_TIMEOUT
        ) as answer:
            answer.raise_for_status()
            if answer.content_type.lower().startswith(_ENDLESS):
                raise refuse(
                    translation_key="media_not_usable",
                    media=media,
                    reason="it is a live stream",
                )
            with await hass.async_add_executor_job(target.open, "wb") as file:
                size = 0
                async for block in answer.content.iter_chunked(_BLOCK):
                    size += len(block)
                    if size > MOST_FETCHED:
                        raise refuse(
                            translation_key="media_not_usable",
                            media=media,
                            reason="too large",
                        )
                    await hass.async_add_executor_job(file.write, block)
    except (aiohttp.ClientError, TimeoutError, OSError) as err:
        reason = type(err).__name__
        raise refuse(
            translation_key="media_not_usable", media=media, reason=reason
        ) from err
    return LocalFile(target, name, size)


async def async_target(
    hass: HomeAssistant, path: str, name: str, *, overwrite: bool
) -> Path:
    """Return where a file can be written to: as given, or by its name in that folder."""

    def check() -> Path:
        target = Path(path)
        if target.is_dir():
            target = target / name
        if "\0" in path or not hass.config.is_allowed_path(str(target)):
            raise refuse(translation_key="path_not_allowed", path=str(target))
        if not target.parent.is_dir():
            raise refuse(translation_key="no_local_file", path=str(target.parent))
        if target.exists() and not overwrite:
            raise refuse(translation_key="file_exists", path=str(target))
        return target

    return await hass.async_add_executor_job(check)


def media_id(value: str | dict[str, Any]) -> str:
    """Take a media id as text, or as the media selector gives it."""
    return value if isinstance(value, str) else str(value["media_content_id"])


def not_connected() -> HomeAssistantError:
    """Return the error that what is known of the printer is out of date."""
    return HomeAssistantError(
        translation_domain=DOMAIN, translation_key="not_connected"
    )
