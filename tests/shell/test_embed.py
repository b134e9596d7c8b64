"""The script for pages, run by Node in a page made of paper: what it asks for, what it shows, and what it does without live."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest

from channelsync.shell.storefront.routes import script

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="no node on this machine")

PAGE = """
const asked = [], timers = [], streams = [];
const elements = JSON.parse(process.argv[1]).map(sku => ({ dataset: { sku }, textContent: "as written", dispatchEvent(e) { this.told = e.detail } }));
class EventSource { constructor(url) { this.url = url; this.readyState = 0; streams.push(this); asked.push(url) } }
const own = JSON.parse(process.argv[2]);
global.window = own.noLive ? {} : { EventSource };
global.EventSource = EventSource;
global.CustomEvent = class { constructor(name, init) { this.detail = init.detail } };
global.setInterval = (work, wait) => { timers.push(wait); return timers.length };
global.clearInterval = () => timers.push("cleared");
global.setTimeout = (work, wait) => timers.push(wait);
global.fetch = url => { asked.push(url); return Promise.resolve({ ok: true, json: () => ({ items: [{ sku: "A", state: "out" }] }) }) };
global.document = {
  currentScript: { src: "https://sync.example.com/availability/embed.js?v=1", dataset: own },
  readyState: "complete", documentElement: { lang: "en" }, querySelectorAll: () => elements, addEventListener() {},
};
require("vm").runInThisContext(require("fs").readFileSync(0, "utf8"));
(async () => {
  await eval(`(async () => { ${process.argv[3]} })()`);
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  console.log(JSON.stringify({ asked, timers, shown: elements.map(e => [e.textContent, e.dataset.availability || null]) }));
})();
"""


def page(skus: list[str], story: str = "", **own: Any) -> Any:
    assert NODE is not None
    done = subprocess.run(
        [NODE, "-e", PAGE, "--", json.dumps(skus), json.dumps(own), story],
        input=script().decode(),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_it_is_live_and_shows_what_it_is_told() -> None:
    told = [
        {"sku": "A", "state": "low", "left": 2},
        {"sku": "a/b", "state": "backorder", "text": "<b>soon</b>"},
        {"sku": "C", "state": "in_stock"},
    ]
    story = "".join(f"streams[0].onmessage({{ data: {json.dumps(json.dumps(each))} }});" for each in told)
    seen = page(["A", "a/b", "A", "C", "NONE"], story, low="noch {left}")
    assert seen["asked"] == ["https://sync.example.com/availability/stream?sku=A,a%2Fb,C,NONE"]
    assert seen["shown"] == [
        ["noch 2", "low"],
        ["Available to order \u00b7 <b>soon</b>", "backorder"],
        ["noch 2", "low"],
        ["In stock", "in_stock"],
        ["as written", None],
    ]


def test_a_date_is_shown_as_the_page_speaks() -> None:
    story = """streams[0].onmessage({ data: '{"sku":"A","state":"preorder","date":"2026-12-24"}' });"""
    assert page(["A"], story)["shown"] == [["Pre-order \u00b7 12/24/2026", "preorder"]]


def test_without_live_it_asks_every_minute_a_hundred_at_a_time() -> None:
    many = [f"S{number}" for number in range(150)]
    for own in ({"noLive": True}, {"live": "off"}, {}):
        seen = page(many, **own)
        assert [url.split("?")[0] for url in seen["asked"]] == ["https://sync.example.com/availability"] * 2
        assert seen["timers"] == [60000]
    assert page(["A"], live="off")["shown"] == [["Out of stock", "out"]]


def test_a_refused_stream_is_tried_again_later_and_asked_for_meanwhile() -> None:
    seen = page(["A"], "streams[0].readyState = 2; streams[0].onerror();")
    assert seen["asked"] == ["https://sync.example.com/availability/stream?sku=A", "https://sync.example.com/availability?sku=A"]
    assert seen["timers"] == [60000, 300000]
    assert seen["shown"] == [["Out of stock", "out"]]
    again = page(["A"], "streams[0].onerror(); streams[0].onopen();")
    assert again["timers"] == [60000, "cleared"]


def test_a_page_without_skus_asks_for_nothing() -> None:
    assert page([])["asked"] == []
