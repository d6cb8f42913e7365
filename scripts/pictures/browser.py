"""A browser that is logged in to the demo."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import importlib
import io
from pathlib import Path
import shutil
from typing import Any, Final

from PIL import Image

from scripts.demo import DemoError

_ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_COLORS: Final = 256


def chromium() -> str | None:
    """Return where Chromium is."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def driver_error() -> type[Exception]:
    """Return what the driver raises when a page is not as expected."""
    error: type[Exception] = importlib.import_module("playwright.async_api").Error
    return error


@asynccontextmanager
async def browser() -> AsyncIterator[Any]:
    """Start a browser with an empty profile, and end it."""
    if (path := chromium()) is None:
        raise DemoError("Chromium is not installed.")
    # Not among the requirements: scripts/screenshots fetches it.
    api = importlib.import_module("playwright.async_api")
    async with api.async_playwright() as driver:
        started = await driver.chromium.launch(
            executable_path=path, args=list(_ARGUMENTS)
        )
        try:
            yield started
        finally:
            await started.close()


async def logged_in(
    started: Any, url: str, credentials: tuple[str, str], size: tuple[int, int]
) -> Any:
    """Return a page of this size that shows the demo's dashboard."""
    width, height = size
    context = await started.new_context(
        viewport={"width": width, "height": height}, locale="en-GB"
    )
    page = await context.new_page()
    await page.goto(url)
    for name, value in zip(("username", "password"), credentials, strict=True):
        await page.locator(f"input[name={name}]").fill(value)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/bambu-printer/**")
    return page


def write_small(picture: bytes, path: Path) -> int:
    """Write a picture with as many colours as it needs for its purpose; return its bytes."""
    with Image.open(io.BytesIO(picture)) as image:
        small = image.convert("RGB").quantize(_COLORS, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
    return path.stat().st_size
