"""The API of a running daemon, with a token made on the command line."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from channelsync.shell.token_text import mint
from support.store import two_shops, until_shown, up


def test_what_the_api_does_reaches_the_shops(tmp_path: Path) -> None:
    async def story() -> None:
        async with two_shops(tmp_path) as scene, up(scene) as running:
            await scene.ask("apply")
            text, public_id, digest = mint()
            await scene.ask("token.create", public_id=public_id, name="till", secret_hash=digest, scopes=["reserve", "read"])
            async with httpx.AsyncClient(base_url=f"{running.private.url}/api/v1", headers={"authorization": f"Bearer {text}"}) as till:
                await until_shown(scene, "west", "SKU-1", 8)
                lines = [{"sku": "SKU-1", "location": "main", "quantity": 3}]
                answer = await till.post("/inventory/reserve", json={"reference": "cart-1", "lines": lines})
                assert answer.status_code == 200, answer.text
                await until_shown(scene, "west", "SKU-1", 5)
                sku: Any = (await till.get("/inventory/skus/SKU-1")).json()
                assert (sku["available"], sku["levels"][0]["soft"]) == (7, 3)
                refused = await till.post("/inventory/receive", json={"sku": "SKU-1", "location": "main", "quantity": 1})
                assert (refused.status_code, refused.json()["code"]) == (403, "not_authorized")

    asyncio.run(story())


def test_a_program_that_runs_wild_is_slowed_down_and_no_other(tmp_path: Path) -> None:
    async def story() -> None:
        async with two_shops(tmp_path) as scene:
            scene.file.write_text(scene.file.read_text() + "\n[api]\nper_second = 0.01\nburst = 2\n")
            async with up(scene) as running, httpx.AsyncClient(base_url=running.private.url) as client:

                async def asked(name: str) -> list[httpx.Response]:
                    text, public_id, digest = mint()
                    await scene.ask("token.create", public_id=public_id, name=name, secret_hash=digest, scopes=["read"])
                    bearer = {"authorization": f"Bearer {text}"}
                    return [await client.get("/api/v1/inventory/skus", headers=bearer) for _ in range(3)]

                wild, other = await asked("wild"), await asked("other")
                assert [[answer.status_code for answer in each] for each in (wild, other)] == [[200, 200, 429]] * 2
                assert 1 <= int(wild[-1].headers["retry-after"]) <= 100
                assert (await client.get("/metrics")).status_code == 200, "what a monitor reads is not counted"

    asyncio.run(story())
