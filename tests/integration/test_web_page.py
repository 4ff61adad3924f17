"""The status page in a real browser, where there is one: Debian's chromium and chromium-driver."""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from apcbridge.model import OutletState
from tests.integration.web_world import PATIENCE_S, eventually, port_of, serving
from tests.ports import free_port
from tests.unit.web.world import STALE_AFTER_S, TOKEN, World, outlet, snapshot, status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from apcbridge.web.server import WebServer

pytestmark = pytest.mark.debian

HOSTILE = "<img src=x onerror=document.title='owned'>"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update",
    "--disable-background-networking", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip


class Browser:
    """A page in a browser, driven by the W3C WebDriver protocol."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._session = ""

    async def open(self, url: str, profile: Path) -> None:
        options = {"args": [*FLAGS, f"--user-data-dir={profile}"], "binary": shutil.which("chromium")}
        capabilities = {
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"},
        }  # fmt: skip
        answer = await self._ask("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        assert isinstance(answer, dict)
        self._session = f"/session/{answer['sessionId']}"
        await self._ask("POST", f"{self._session}/url", {"url": url})

    async def run(self, script: str, *arguments: object) -> object:
        """Run a script in the page and return what it returns."""
        return await self._ask("POST", f"{self._session}/execute/sync", {"script": script, "args": list(arguments)})

    async def text(self) -> str:
        """Return what a person reads."""
        return str(await self.run("return document.body.innerText"))

    async def shows(self, *pieces: str) -> None:
        """Wait until a person can read every piece."""

        async def all_there() -> bool:
            text = await self.text()
            return all(piece in text for piece in pieces)

        await eventually(all_there)

    async def complaints(self) -> object:
        """Return what the browser's console has to say."""
        return await self._ask("POST", f"{self._session}/se/log", {"type": "browser"})

    async def close(self) -> None:
        if self._session:
            await self._ask("DELETE", self._session)

    async def _ask(self, method: str, path: str, document: object = None) -> object:
        return await asyncio.to_thread(self._ask_now, method, path, document)

    def _ask_now(self, method: str, path: str, document: object) -> object:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=3 * PATIENCE_S)
        try:
            connection.request(method, path, None if document is None else json.dumps(document))
            response = connection.getresponse()
            value: object = json.load(response)["value"]
            assert response.status == 200, value
            return value
        finally:
            connection.close()


@asynccontextmanager
async def chromedriver() -> AsyncIterator[int]:
    """Start what drives a browser; yield its port."""
    driver = shutil.which("chromedriver")
    if driver is None or shutil.which("chromium") is None:
        pytest.skip("needs Debian's packages chromium and chromium-driver")
    # Left to choose, it ends where the IPv4 port that it got happens to be taken on IPv6.
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        driver, f"--port={port}", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    assert process.stdout is not None
    try:
        said = b""
        async with asyncio.timeout(PATIENCE_S):
            while b"started successfully" not in said:
                line = await process.stdout.readline()
                said += line
                assert line, f"chromedriver ended: {said.decode(errors='replace')}"
        yield port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


@asynccontextmanager
async def browsing(server: WebServer, profile: Path) -> AsyncIterator[Browser]:
    """Open the page of a server in a browser."""
    async with chromedriver() as port:
        browser = Browser(port)
        try:
            await browser.open(f"http://localhost:{port_of(server)}/", profile)
            yield browser
        finally:
            await browser.close()


async def test_the_page_lives_and_takes_no_name_for_markup(tmp_path: Path) -> None:
    world = World()
    read = snapshot("p", outlet(1, name=HOSTILE), outlet(2, OutletState.OFF, name="router"))
    world.store.replace(status(read))
    async with serving(world) as server, browsing(server, tmp_path) as browser:
        await browser.shows(
            HOSTILE, "router", "6.3 A", "restarts itself about every 9.5 minutes", "2 PDUs, 1 not current"
        )
        assert await browser.run("return document.title") == "(1) rack-a"
        world.store.replace(status(snapshot("p", outlet(1, name="harmless"), outlet(2, name="router"))))
        await browser.shows("harmless")
        assert await browser.complaints() == []


async def test_the_page_shows_what_was_when_readings_are_old(tmp_path: Path) -> None:
    world = World()
    async with serving(world) as server, browsing(server, tmp_path) as browser:
        await browser.shows("6.3 A")
        world.clock.pass_(STALE_AFTER_S)
        world.store.replace(world.store.get("p"))
        await browser.shows("stale: read 30 s ago", "was ON", "was OFF", "not known now")
        assert "6.3 A" not in await browser.text()
        assert await browser.run("return document.querySelectorAll('.state.on, .acts button:enabled').length") == 0


async def test_the_page_switches_after_asking_with_the_token(tmp_path: Path) -> None:
    world = World()
    press = "document.querySelector('[data-key=\"p/1/OFF\"]').click()"
    answer = "document.getElementById('ask-token').value = arguments[0]; document.getElementById('ask-yes').click()"
    async with serving(world) as server, browsing(server, tmp_path) as browser:
        await browser.shows("nas")
        await browser.run(press)
        await browser.shows("Switch off nas?", "loses its power")
        await browser.run("document.getElementById('ask-no').click()")
        assert world.arbiter.unfinished("p") == ()
        await browser.run(press)
        await browser.run(answer, "wrong")
        await browser.shows("that is not the token")
        await browser.run(press)
        await browser.run(answer, TOKEN)
        await browser.shows("nas: off accepted")
        assert [command.action.value for command in world.arbiter.unfinished("p")] == ["OFF"]
        world.confirm()
        await browser.shows("nas: off confirmed")


async def test_who_uses_the_keyboard_stays_where_he_is(tmp_path: Path) -> None:
    world = World()
    focused = "return String(document.activeElement.getAttribute('aria-label'))"
    async with serving(world) as server, browsing(server, tmp_path) as browser:
        await browser.shows("nas")
        await browser.run("const b = document.querySelector('[data-key=\"p/1/OFF\"]'); b.focus(); b.click()")
        await browser.shows("Switch off nas?")
        world.store.replace(status(snapshot("p", outlet(1, OutletState.OFF, "nas"), outlet(2, name="meanwhile"))))
        await browser.shows("meanwhile")
        await browser.run("document.getElementById('ask-no').click()")
        assert str(await browser.run(focused)).startswith("Reboot nas,"), "not On, which may act unasked"
        world.store.replace(status(snapshot("p", outlet(1, name="nas"), outlet(2, name="afterwards"))))
        await browser.shows("afterwards")
        assert str(await browser.run(focused)).startswith("Reboot nas,")
