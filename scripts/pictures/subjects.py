"""What the pictures show, and how a user gets there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from scripts.demo import DemoError
from scripts.demo.client import Client

_AUTOMATION: Final = "bambu_printer_picture"


@dataclass(frozen=True, kw_only=True)
class Demo:
    """The demo that is pictured."""

    url: str
    client: Client
    devices: dict[str, str]
    """Ids by names."""

    @property
    def printer(self) -> str:
        """The device of the printer that is in most pictures."""
        return self.devices["Workshop X1C"]

    async def open(self, page: Any, path: str) -> None:
        """Go to a page of the user interface."""
        await page.goto(self.url + path)


type Way = Callable[[Demo, Any], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One picture."""

    way: Way
    size: tuple[int, int] = (1280, 900)


async def _dashboard(demo: Demo, page: Any) -> None:
    await demo.open(page, f"/bambu-printer/{demo.printer[:8]}")
    # The camera's first picture, and the history's curves, come a little later.
    await page.wait_for_timeout(6000)
    if broken := await page.locator("hui-error-card").count():
        raise DemoError(f"{broken} cards of the dashboard show an error")
    if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        raise DemoError("the dashboard is wider than the screen")


async def _overview(demo: Demo, page: Any) -> None:
    await demo.open(page, "/bambu-printer/all")
    await page.wait_for_timeout(4000)


async def _device(demo: Demo, page: Any) -> None:
    await demo.open(page, f"/config/devices/device/{demo.printer}")


async def _ams(demo: Demo, page: Any) -> None:
    await demo.open(
        page, f"/config/devices/device/{demo.devices['Workshop X1C AMS 1']}"
    )


async def _automation(demo: Demo, page: Any) -> None:
    target = {"device_id": demo.printer}
    await demo.client.post(
        f"/api/config/automation/config/{_AUTOMATION}",
        {
            "alias": "Look at the print in time",
            "triggers": [
                {
                    "trigger": "bambu_printer.ends_soon",
                    "target": target,
                    "options": {"minutes": 10},
                },
                {
                    "trigger": "bambu_printer.error_raised",
                    "target": target,
                    "options": {"severity": ["fatal", "serious"]},
                },
            ],
            "conditions": [
                {
                    "condition": "bambu_printer.is_printing",
                    "target": target,
                    "options": {"behavior": "any"},
                }
            ],
            "actions": [
                {
                    "action": "persistent_notification.create",
                    "data": {"message": "{{ trigger.job }}: {{ trigger.progress }} %"},
                }
            ],
        },
    )
    await demo.open(page, f"/config/automation/edit/{_AUTOMATION}")
    await (
        page.locator("ha-automation-trigger-row")
        .nth(1)
        .click(position={"x": 600, "y": 20})
    )


async def _triggers(demo: Demo, page: Any) -> None:
    await demo.open(page, "/config/automation/edit/new")
    await page.get_by_text("Add trigger").click()
    await page.get_by_placeholder("Search").last.fill("print ")


async def _conditions(demo: Demo, page: Any) -> None:
    await demo.open(page, "/config/automation/edit/new")
    await page.get_by_text("Add condition").click()
    await page.get_by_placeholder("Search").last.fill("printer")


async def _add_printer(demo: Demo, page: Any) -> None:
    await demo.open(page, "/config/integrations/dashboard/add?domain=bambu_printer")
    # What else announces itself in this network is offered first.
    another = page.get_by_text("Set up another instance")
    await page.get_by_role("button", name="OK").or_(another).first.click()
    await page.get_by_text("Access code").wait_for()


async def _options(demo: Demo, page: Any) -> None:
    await demo.open(page, "/config/integrations/integration/bambu_printer")
    await page.get_by_role("button", name="Configure").first.click()


async def _repair(demo: Demo, page: Any) -> None:
    await demo.open(page, "/config/repairs")
    await page.locator("ha-config-repairs ha-list-item-button").first.click()


async def _media(demo: Demo, page: Any) -> None:
    await demo.open(page, "/media-browser")
    for name in ("Bambu Printer", "Workshop X1C", "Models"):
        await page.get_by_text(name, exact=True).last.click()
    await page.mouse.move(0, 0)


SUBJECTS: Final = {
    "device": Subject(way=_device, size=(1280, 1700)),
    "ams": Subject(way=_ams, size=(1280, 1300)),
    "automation": Subject(way=_automation, size=(1280, 1000)),
    "triggers": Subject(way=_triggers, size=(1000, 900)),
    "conditions": Subject(way=_conditions, size=(1000, 900)),
    "add-printer": Subject(way=_add_printer, size=(800, 720)),
    "options": Subject(way=_options, size=(800, 900)),
    "repair": Subject(way=_repair, size=(800, 700)),
    "media": Subject(way=_media, size=(1000, 640)),
    # The last, so that there is some history.
    "overview": Subject(way=_overview),
    "phone": Subject(way=_dashboard, size=(390, 1300)),
    "dashboard": Subject(way=_dashboard, size=(1440, 1400)),
}
