"""What the public listener tells everybody of what is there: states, detail, caching, CORS, and nothing else."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from channelsync.ledger import bundling, reservations
from channelsync.ledger.availability import Standing
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.door import InlineLedger
from channelsync.ledger.group import NotRead
from channelsync.ledger.reservations import Reserve
from channelsync.ledger.skus import Backorder
from channelsync.shell.storefront import routes
from channelsync.shell.storefront.telling import Telling
from shell.storefront_scene import PAGE, Asking, allow, fill
from support.stock import NOW, put, want

# -- how much is told (pure) -----------------------------------------------------------------------------------------------------------------

units = st.integers(-1_000, 1_000)
policies = st.sampled_from(list(Backorder))


def standing(available: int, beyond: Backorder = Backorder.DENY, text: str = "", on: dt.date | None = None) -> Standing:
    return Standing("MUG", available, beyond, text, on, frozenset({1}))


@given(units, units, policies, st.integers(1, 50))
def test_state_tells_whether_and_never_how_many(one: int, other: int, beyond: Backorder, low: int) -> None:
    """Two numbers on the same side of zero cannot be told apart."""
    if (one > 0) == (other > 0):
        telling = Telling("state", low)
        assert telling.text(standing(one, beyond)) == telling.text(standing(other, beyond))


@given(units, units, policies, st.integers(1, 50))
def test_low_tells_how_many_only_while_they_are_few(one: int, other: int, beyond: Backorder, low: int) -> None:
    telling = Telling("low", low)
    same = telling.text(standing(one, beyond)) == telling.text(standing(other, beyond))
    hidden = (one > low and other > low) or (one <= 0 and other <= 0)
    assert same == (hidden or one == other)


@given(units, policies, st.text(max_size=20), st.dates() | st.none(), st.sampled_from(["state", "low", "exact"]), st.integers(1, 50))
def test_no_detail_ever_tells_more_than_it_may(
    available: int, beyond: Backorder, text: str, on: dt.date | None, detail: Any, low: int
) -> None:
    told = Telling(detail, low).told(standing(available, beyond, text, on))
    assert set(told) <= {"sku", "state", "left", "text", "date"}
    shown = available > 0 and (detail == "exact" or (detail == "low" and available <= low))
    assert told.get("left") == (available if shown else None), "how far below zero it is, is never told"
    assert ("text" in told or "date" in told) <= (available <= 0 and beyond is not Backorder.DENY)
    orderable = {Backorder.DENY: "out", Backorder.ALLOW: "backorder", Backorder.PREORDER: "preorder"}[beyond]
    few = detail != "state" and available <= low
    assert told["state"] == (orderable if available <= 0 else "low" if few else "in_stock")


# -- over HTTP -------------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def filled(engine: Engine) -> Engine:
    fill(engine, MUG=12, LAST=2, GONE=0, LATER=0, SOON=0)
    allow(engine, "LATER", Backorder.ALLOW, limit=2, text="5-7 days")
    allow(engine, "SOON", Backorder.PREORDER, date=dt.date(2026, 12, 24))
    return engine


def test_one_sku(filled: Engine) -> None:
    shop = Asking(filled)
    told = {sku: shop.ask(f"/availability/{sku}").json() for sku in ("MUG", "LAST", "GONE", "LATER", "SOON")}
    assert told == {
        "MUG": {"sku": "MUG", "state": "in_stock"},
        "LAST": {"sku": "LAST", "state": "low", "left": 2},
        "GONE": {"sku": "GONE", "state": "out"},
        "LATER": {"sku": "LATER", "state": "backorder", "text": "5-7 days"},
        "SOON": {"sku": "SOON", "state": "preorder", "date": "2026-12-24"},
    }


def test_many_at_once_in_their_order_and_the_unknown_ones_left_out(filled: Engine) -> None:
    shop = Asking(filled, detail="exact")
    found = shop.ask("/availability?sku=GONE,NONE,MUG&sku=LAST").json()
    assert [(item["sku"], item.get("left")) for item in found["items"]] == [("GONE", None), ("MUG", 12), ("LAST", 2)]
    assert shop.ask("/availability?sku=" + ",".join(f"S{n}" for n in range(100))).json() == {"items": []}
    for wrong in ("", "?sku=", "?other=1", "?sku=" + ",".join(f"S{n}" for n in range(101)), "?sku=" + "x" * 33_000):
        assert shop.ask(f"/availability{wrong}").status_code == 400, wrong[:20]


def test_what_is_not_known_says_nothing_else(filled: Engine) -> None:
    """A SKU that exists and was never counted looks like one that does not exist, and like nonsense."""
    with filled.connect() as conn, conn.begin():
        bundling.define(conn, [Define("KIT", (Part("NEVER", 1),))], NOW)
    shop = Asking(filled)
    answers = [shop.ask(f"/availability/{sku}") for sku in ("NONE", "NEVER", "KIT", "x" * 300, "%00", "%ED%A0%80", "a%2Fb")]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, routes.UNKNOWN)}
    assert len({str({k: v for k, v in answer.headers.items() if k != "date"}) for answer in answers}) == 1


def test_a_limit_that_is_used_up_is_out(filled: Engine) -> None:
    with filled.connect() as conn, conn.begin():
        reservations.reserve(conn, [want("LATER", 2)], NOW)
    assert Asking(filled).ask("/availability/LATER").json() == {"sku": "LATER", "state": "out"}


def test_only_the_locations_that_count(filled: Engine) -> None:
    with filled.connect() as conn, conn.begin():
        put(conn, "LAST", 40, "annex")
    assert Asking(filled, detail="exact").ask("/availability/LAST").json()["left"] == 42
    assert Asking(filled, detail="exact", locations=("main",)).ask("/availability/LAST").json()["left"] == 2


def test_a_bundle_is_there_as_its_parts_are(filled: Engine) -> None:
    with filled.connect() as conn, conn.begin():
        bundling.define(
            conn, [Define(name, (Part("MUG", 2), Part(part, 1))) for name, part in (("A", "LAST"), ("B", "GONE"), ("C", "SOON"))], NOW
        )
    shop = Asking(filled, detail="exact")
    told = [shop.ask(f"/availability/{sku}").json() for sku in "ABC"]
    assert told == [
        {"sku": "A", "state": "low", "left": 2},
        {"sku": "B", "state": "out"},
        {"sku": "C", "state": "preorder", "date": "2026-12-24"},
    ]


def test_a_copy_that_is_still_right_costs_a_304(filled: Engine) -> None:
    shop = Asking(filled)
    for path in ("/availability/MUG", "/availability?sku=MUG,LAST", "/availability/embed.js"):
        first = shop.ask(path)
        assert "public, max-age=" in first.headers["cache-control"]
        again = shop.ask(path, if_none_match=f'"other", W/{first.headers["etag"]}')
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    tag = shop.ask("/availability/LAST").headers["etag"]
    with filled.connect() as conn, conn.begin():
        reservations.reserve(conn, [want("LAST", 1)], NOW)
    shop.clock.advance(1.0)  # type: ignore[attr-defined]
    assert shop.ask("/availability/LAST", if_none_match=tag).json()["left"] == 1


def test_pages_of_the_configured_origins_may_read_it_and_no_others(filled: Engine) -> None:
    shop = Asking(filled)
    for path in ("/availability/MUG", "/availability?sku=MUG", "/availability/NONE", "/availability"):
        assert shop.ask(path, origin=PAGE).headers["access-control-allow-origin"] == PAGE
        for other in ("https://evil.example", "null", f"{PAGE}.evil.example", "HTTPS://SHOP.EXAMPLE"):
            answer = shop.ask(path, origin=other)
            assert "access-control-allow-origin" not in answer.headers
            assert answer.headers["vary"] == "origin"
    asked = shop.ask("/availability/MUG", "OPTIONS", origin=PAGE, access_control_request_method="GET")
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, PAGE)
    assert "access-control-allow-origin" not in shop.ask("/availability/MUG", "OPTIONS", origin="https://evil.example").headers
    assert shop.ask("/availability/stream?sku=MUG", origin="https://evil.example").status_code == 403


def test_other_methods_and_other_paths(filled: Engine) -> None:
    shop = Asking(filled)
    assert [shop.ask("/availability/MUG", method).status_code for method in ("POST", "PUT", "DELETE")] == [405] * 3
    head = shop.ask("/availability/MUG", "HEAD")
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", shop.ask("/availability/MUG").headers["etag"])
    assert [shop.ask(path).status_code for path in ("/availability/", "/availabilityx", "/webhooks/shop", "/healthz")] == [
        404,
        418,
        418,
        418,
    ]


def test_who_asks_again_within_a_second_costs_no_read(filled: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The unknown ones neither."""
    shop, reads = Asking(filled), []
    first = InlineLedger.read

    async def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        reads.append(args[1])
        return await first(self, *args, **kwargs)

    monkeypatch.setattr(InlineLedger, "read", counted)
    for _ in range(20):
        shop.ask("/availability?sku=MUG,NONE")
        shop.ask("/availability/NONE")
    assert [sorted(asked) for asked in reads] == [["MUG", "NONE"]]
    shop.clock.advance(1.0)  # type: ignore[attr-defined]
    shop.ask("/availability/MUG")
    assert len(reads) == 2


def test_an_outage_is_told_without_words(filled: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Asking(filled)

    async def away(*args: Any, **kwargs: Any) -> Any:
        raise NotRead("the database at 10.0.0.7 cannot be read")

    monkeypatch.setattr(InlineLedger, "read", away)
    for path in ("/availability/MUG", "/availability?sku=MUG"):
        answer = shop.ask(path)
        assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (503, b'{"error":"away"}', "no-store")


def test_the_script_for_pages_is_small_and_asks_nobody_else() -> None:
    text = routes.script().decode()
    assert len(text) < 3 * 1024
    assert "innerHTML" not in text
    assert "http://" not in text
    assert "https://" not in text


def test_every_answer_is_json(filled: Engine) -> None:
    with filled.connect() as conn, conn.begin():
        put(conn, 'odd "quotes" & <b>', 1)
    answer = Asking(filled).ask("/availability/odd%20%22quotes%22%20%26%20%3Cb%3E")
    assert json.loads(answer.content)["sku"] == 'odd "quotes" & <b>'
    assert (answer.headers["content-type"], answer.headers["x-content-type-options"]) == ("application/json", "nosniff")


def test_holds_of_carts_are_not_on_sale(filled: Engine) -> None:
    with filled.connect() as conn, conn.begin():
        reservations.reserve(conn, [Reserve("cart", want("LAST", 2).lines)], NOW)
    assert Asking(filled).ask("/availability/LAST").json()["state"] == "out"
