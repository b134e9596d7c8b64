"""SKUs: their text is a name, their id is who they are."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, select

from channelsync.ledger import policies, skus
from channelsync.ledger.policies import PolicySet, SetPolicy
from channelsync.ledger.refusals import NotAllowed, UnknownSku
from channelsync.ledger.schema import findings
from channelsync.ledger.skus import Backorder, Rename, Renamed
from support.stock import NOW, level, open_locations, put


def rename(conn: Connection, *items: Rename) -> list[Any]:
    return list(skus.rename(conn, items, NOW))


def test_what_is_missing_is_made_and_what_exists_stays(conn: Connection) -> None:
    first = skus.ensure(conn, ["A", "B"], NOW)
    both = skus.ensure(conn, ["B", "C", "C"], NOW)
    assert both["B"] == first["B"]
    assert sorted(skus.find(conn, ["A", "B", "C", "D", "a"])) == ["A", "B", "C"]
    assert skus.ensure(conn, [], NOW) == {}


def test_more_than_one_chunk_is_found(conn: Connection) -> None:
    texts = [f"S{number}" for number in range(skus.CHUNK * 2 + 1)]
    assert len(skus.ensure(conn, texts, NOW)) == len(texts)


@pytest.mark.parametrize("text", ["", " A", "A ", "x" * 256, "a\x00b"])
def test_what_is_no_sku_is_not_made(conn: Connection, text: str) -> None:
    with pytest.raises(NotAllowed):
        skus.ensure(conn, ["fine", text], NOW)
    assert skus.find(conn, ["fine"]) == {}


def test_a_rename_keeps_the_stock_and_leaves_an_event(conn: Connection) -> None:
    open_locations(conn, "main")
    put(conn, "A", 3)
    (answer,) = rename(conn, Rename("A", "A2", actor="ann"))
    assert (answer.sku, answer.was) == ("A2", "A")
    assert level(conn, "A2").on_hand == 3
    event = conn.execute(select(findings)).mappings().one()
    assert (event["kind"], event["sku_id"], event["detail"]) == ("renamed", answer.sku_id, {"from": "A", "to": "A2", "actor": "ann"})
    assert event["resolved_at"] == NOW


def test_a_text_that_became_free_may_be_used_again_by_another_sku(conn: Connection) -> None:
    old = skus.ensure(conn, ["A"], NOW)["A"]
    rename(conn, Rename("A", "A-old"))
    assert skus.ensure(conn, ["A"], NOW)["A"].id != old.id


def test_renames_of_a_batch_follow_each_other(conn: Connection) -> None:
    ids = skus.ensure(conn, ["A", "B"], NOW)
    taken, first, second, unknown, odd = rename(
        conn, Rename("A", "B"), Rename("B", "C"), Rename("A", "B"), Rename("A", "Z"), Rename("C", " ")
    )
    assert isinstance(taken, NotAllowed)
    assert isinstance(first, Renamed)
    assert isinstance(second, Renamed)
    assert isinstance(unknown, UnknownSku)
    assert isinstance(odd, NotAllowed)
    found = skus.find(conn, ["A", "B", "C"])
    assert {text: sku.id for text, sku in found.items()} == {"B": ids["A"].id, "C": ids["B"].id}


def test_a_backorder_policy_is_set_for_known_skus_only(conn: Connection) -> None:
    skus.ensure(conn, ["A"], NOW)
    done, negative, unknown = policies.set_policy(
        conn,
        [SetPolicy("A", Backorder.PREORDER, 10), SetPolicy("A", Backorder.ALLOW, -1), SetPolicy("B", Backorder.ALLOW)],
        NOW,
    )
    assert done == PolicySet("A", Backorder.PREORDER, 10)
    assert isinstance(negative, NotAllowed)
    assert isinstance(unknown, UnknownSku)
    sku = skus.find(conn, ["A"])["A"]
    assert (sku.backorder, sku.backorder_limit, sku.counted) == (Backorder.PREORDER, 10, False)
