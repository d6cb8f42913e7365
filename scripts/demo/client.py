"""What a browser would do to a fresh Home Assistant: REST and websocket calls."""

import asyncio
from collections.abc import Mapping
import contextlib
from typing import Any, Self

import aiohttp

from . import DemoError

type Json = dict[str, Any]

_TIMEOUT = aiohttp.ClientTimeout(total=60)


class Client:
    """A logged-in user of Home Assistant."""

    def __init__(self, url: str) -> None:
        """Talk to the Home Assistant at this URL."""
        self.url = url
        self._client_id = f"{url}/"
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        self._headers: dict[str, str] = {}
        self._token = ""
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._last_id = 0

    async def __aenter__(self) -> Self:
        """Return the client."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        if self._socket:
            await self._socket.close()
        await self._session.close()

    # -- start and login ----------------------------------------------------------------------

    async def wait_until_up(self) -> bool:
        """Wait until Home Assistant answers; tell whether it has to be onboarded."""
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with self._session.get(f"{self.url}/api/onboarding") as answer:
                    if answer.status == 200:
                        steps = await answer.json()
                        return not all(step["done"] for step in steps)
                    if answer.status == 404:  # the view is gone when all steps are done
                        return False
            await asyncio.sleep(0.2)

    async def onboard(self, name: str, username: str, password: str) -> None:
        """Create the owner and answer the other questions of a first start."""
        step = await self.post(
            "/api/onboarding/users",
            {
                "client_id": self._client_id,
                "name": name,
                "username": username,
                "password": password,
                "language": "en",
            },
        )
        await self._take_token(step["auth_code"])
        await self.post("/api/onboarding/analytics", {})
        await self.post(
            "/api/onboarding/integration",
            {"client_id": self._client_id, "redirect_uri": self._client_id},
        )

    async def log_in(self, username: str, password: str) -> None:
        """Log in as a user that exists."""
        flow = await self.post(
            "/auth/login_flow",
            {
                "client_id": self._client_id,
                "handler": ["homeassistant", None],
                "redirect_uri": self._client_id,
            },
        )
        result = await self.post(
            f"/auth/login_flow/{flow['flow_id']}",
            {
                "client_id": self._client_id,
                "username": username,
                "password": password,
            },
        )
        if result.get("type") != "create_entry":
            raise DemoError(
                f"the demo cannot log in as {username!r}: was its password changed?"
                " scripts/develop --fresh starts anew."
            )
        await self._take_token(result["result"])

    async def _take_token(self, code: str) -> None:
        """Exchange a code for a token, and open the websocket with it."""
        async with self._session.post(
            f"{self.url}/auth/token",
            data={
                "grant_type": "authorization_code",
                "client_id": self._client_id,
                "code": code,
            },
        ) as answer:
            answer.raise_for_status()
            self._token = (await answer.json())["access_token"]
        self._headers = {"Authorization": f"Bearer {self._token}"}
        self._socket = await self._session.ws_connect(
            f"{self.url}/api/websocket", max_msg_size=0
        )
        await self._socket.receive_json()
        await self._socket.send_json({"type": "auth", "access_token": self._token})
        if (await self._socket.receive_json())["type"] != "auth_ok":
            raise DemoError("Home Assistant refused the websocket's login.")

    # -- calls --------------------------------------------------------------------------------

    async def get(self, path: str) -> Any:
        """Return what GET answers."""
        async with self._session.get(self.url + path, headers=self._headers) as answer:
            return await self._result(answer)

    async def post(self, path: str, body: Mapping[str, Any]) -> Json:
        """Return what POST answers."""
        async with self._session.post(
            self.url + path, json=body, headers=self._headers
        ) as answer:
            result: Json = await self._result(answer)
            return result

    async def delete(self, path: str) -> Any:
        """Return what DELETE answers."""
        async with self._session.delete(
            self.url + path, headers=self._headers
        ) as answer:
            return await self._result(answer)

    async def command(self, kind: str, **fields: Any) -> Any:
        """Send a websocket command and return its result."""
        assert self._socket
        self._last_id += 1
        await self._socket.send_json({"id": self._last_id, "type": kind, **fields})
        while True:
            message = await self._socket.receive_json(timeout=60)
            if message.get("id") == self._last_id and message["type"] == "result":
                break
        if not message["success"]:
            raise DemoError(
                f"Home Assistant refused {kind}: {message['error']['message']}"
            )
        return message["result"]

    @staticmethod
    async def _result(answer: aiohttp.ClientResponse) -> Any:
        """Return the JSON of an answer, or say what went wrong."""
        if answer.status >= 400:
            text = (await answer.text())[:500]
            raise DemoError(
                f"{answer.method} {answer.url.path} answered {answer.status}: {text}"
            )
        return await answer.json()
