"""The documented reverse proxies, with the daemon behind them, where the machine has them."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from channelsync.clock import SystemClock
from channelsync.contract.values import Delivery, Parsed
from channelsync.errors import BadDelivery
from channelsync.shell.receiver import Inlet, Receiver
from channelsync.shell.serve import serving
from channelsync.testing.config_file import free_port
from daemon.test_storefront import open_to_the_public
from support.store import two_shops, until_shown, up

EXAMPLES = Path(__file__).parents[2] / "docs/reverse-proxy"
NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; {user}
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    {site}
}}
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine to make a certificate"),
]


@pytest.fixture(params=["nginx", "caddy"])
def proxy(request: pytest.FixtureRequest) -> str:
    if shutil.which(request.param) is None:
        pytest.skip(f"no {request.param} on this machine")
    return str(request.param)


def _replaced(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert old in text, f"the example has no {old!r} any more"
        text = text.replace(old, new)
    return text


def _nginx(folder: Path, port: int, behind: int) -> tuple[str, ...]:
    site = _replaced(
        (EXAMPLES / "nginx.conf").read_text(),
        ("127.0.0.1:8080", f"127.0.0.1:{behind}"),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("/etc/letsencrypt/live/sync.example.com/fullchain.pem", f"{folder}/cert.pem"),
        ("/etc/letsencrypt/live/sync.example.com/privkey.pem", f"{folder}/key.pem"),
        ("/var/log/nginx/", f"{folder}/"),
    )
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, site=site, user=user))
    return "nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")


def _caddy(folder: Path, port: int, behind: int) -> tuple[str, ...]:
    file = folder / "Caddyfile"
    pairs = (
        ("127.0.0.1:8080", f"127.0.0.1:{behind}"),
        ("\n{\n", "\n{\n\tadmin off\n\tauto_https disable_redirects\n"),
        ("sync.example.com {", f"https://localhost:{port} {{\n\tbind 127.0.0.1\n\ttls {folder}/cert.pem {folder}/key.pem"),
    )
    file.write_text(_replaced((EXAMPLES / "Caddyfile").read_text(), *pairs))
    return "caddy", "run", "--adapter", "caddyfile", "--config", str(file)


def _certify(folder: Path) -> None:
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{folder}/key.pem")
    certificate = ("-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-out", f"{folder}/cert.pem")
    subprocess.run(["openssl", "req", "-x509", *key, *certificate], check=True, capture_output=True)


@asynccontextmanager
async def proxied(kind: str, folder: Path, behind: int) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the proxy, which leads to that port of this machine. What the proxy writes is in `folder`."""
    await asyncio.to_thread(_certify, folder)
    port = free_port()
    command = {"nginx": _nginx, "caddy": _caddy}[kind](folder, port, behind)
    environ = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "output.log").open("wb") as output:
        process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=output, env=environ)
        try:
            trusted = ssl.create_default_context(cafile=f"{folder}/cert.pem")
            async with httpx.AsyncClient(base_url=f"https://localhost:{port}", verify=trusted, timeout=20, trust_env=False) as client:
                await _answers(client, process, folder)
                yield client
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _answers(client: httpx.AsyncClient, process: asyncio.subprocess.Process, folder: Path) -> None:
    for _ in range(200):
        assert process.returncode is None, (folder / "output.log").read_text()
        try:
            assert (await client.get("/healthz")).status_code == 200
        except httpx.TransportError:
            await asyncio.sleep(0.05)
        else:
            return
    raise AssertionError("the proxy does not answer: " + (folder / "output.log").read_text())


class Signed:
    def verify(self, delivery: Delivery) -> str:
        if delivery.headers.get("x-signature") != "good":
            raise BadDelivery("not genuine")
        return str(len(delivery.body))

    def parse(self, delivery: Delivery) -> Sequence[Parsed]:
        return ()


def test_deliveries_arrive_byte_for_byte_and_their_paths_stand_in_no_log(proxy: str, tmp_path: Path) -> None:
    stored: list[Delivery] = []

    async def store(channel: str, key: str, delivery: Delivery) -> None:
        stored.append(delivery)

    async def story() -> None:
        receiver = Receiver({"shop": Inlet(Signed(), ("s3cret-part",))}, SystemClock(), store, lambda channel, why: None)
        async with AsyncExitStack() as daemon:
            address = await daemon.enter_async_context(serving(receiver, "127.0.0.1", 0))
            async with proxied(proxy, tmp_path, address.port) as client:
                body, signed = bytes(range(256)) * 4000, {"x-signature": "good", "content-type": "application/json"}
                assert (await client.post("/webhooks/shop/s3cret-part", content=body, headers=signed)).status_code == 200
                assert [delivery.body for delivery in stored] == [body]
                assert (await client.post("/webhooks/shop/s3cret-part", content=body, headers={"x-signature": "bad"})).status_code == 401
                # A proxy that has not read the whole request closes the connection after its answer, and does not always say so.
                alone = signed | {"connection": "close"}
                refused = await client.post("/webhooks/shop/s3cret-part", content=body * 2, headers=alone)
                assert refused.status_code in (413, 502), "the daemon may have closed the connection before the proxy had sent it all"
                assert len(stored) == 1
                for path in ("/", "/metrics", "/api/v1/channels", "/readyz", "/webhooks/../metrics"):
                    assert (await client.get(path)).status_code in (400, 404), path
                await daemon.aclose()
                assert (await client.post("/webhooks/shop/s3cret-part", content=b"{}")).status_code == 502

    asyncio.run(story())
    logs = [file for file in tmp_path.iterdir() if file.suffix == ".log"]
    assert logs
    assert not [file.name for file in logs if "s3cret-part" in file.read_text()]


def test_live_availability_comes_as_it_happens(proxy: str, tmp_path: Path) -> None:
    folder = tmp_path / "proxy"
    folder.mkdir()

    async def story() -> None:
        async with two_shops(tmp_path) as scene:
            open_to_the_public(scene)
            async with up(scene) as running, proxied(proxy, folder, running.public.port) as client:
                await scene.ask("apply")
                await until_shown(scene, "west", "SKU-1", 8)
                assert (await client.get("/availability/SKU-1")).json()["left"] == 10
                async with client.stream("GET", "/availability/stream?sku=SKU-1") as stream:
                    lines = stream.aiter_lines()
                    await _until_told(lines, '"left":10')
                    await scene.ask("stock.receive", sku="SKU-1", location="main", quantity=5)
                    await asyncio.wait_for(_until_told(lines, '"left":15'), 10)

    asyncio.run(story())


async def _until_told(lines: AsyncIterator[str], what: str) -> None:
    async for line in lines:
        if what in line.replace(" ", ""):
            return
    raise AssertionError(f"the stream ended before {what}")
