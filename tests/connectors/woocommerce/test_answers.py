"""Answers: the content decides what happened, never the status alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channelsync.errors import ChannelError, Misunderstood, NotReached, RateLimited, Refused, Unauthorized, Unavailable
from channelsync_woocommerce.answers import NO_JSON, AnotherPage, decode, retry_after, understand
from support.woocommerce import answer


def error(code: str, status: int) -> Any:
    return answer({"code": code, "message": "m", "data": {"status": status}}, status)


@pytest.mark.parametrize(
    ("response", "raised"),
    [
        (error("woocommerce_rest_cannot_view", 401), Unauthorized),
        (error("woocommerce_rest_authentication_error", 401), Unauthorized),
        (error("rest_forbidden", 403), Unauthorized),
        (error("woocommerce_rest_product_invalid_id", 404), Refused),
        (error("rest_invalid_param", 400), Refused),
        (error("rest_no_route", 404), NotReached),
        (error("woocommerce_rest_request_entity_too_large", 413), Refused),
        (error("too_many", 429), RateLimited),
        (error("internal_server_error", 500), Unavailable),
        (answer([], 500), Unavailable),
        (answer(b"<html>Bad Gateway</html>", 502), Unavailable),
        (answer(b"<html>blocked</html>", 403), AnotherPage),
        (answer(b"<html>login</html>", 401), AnotherPage),
        (answer(b"<html>moved</html>", 301, location="https://www.shop.test/"), Misunderstood),
        (answer(b"<!DOCTYPE html><html></html>", 200), AnotherPage),
        (answer(b"", 204), AnotherPage),
    ],
)
def test_errors_say_what_happens_next(response: Any, raised: type[ChannelError]) -> None:
    with pytest.raises(ChannelError) as caught:
        understand(response)
    assert type(caught.value) is raised or (raised is Refused and isinstance(caught.value, Refused))


def test_maintenance_says_when_to_come_back() -> None:
    with pytest.raises(Unavailable) as caught:
        understand(answer(b"<html>Briefly unavailable</html>", 503, retry_after="600"))
    assert caught.value.retry_after == 600


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("2.5", 2.5),
        ("Sat, 21 Nov 2026 01:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 00:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("-1", None),
    ],
)
def test_retry_after_by_the_shops_own_clock(header: str, seconds: float | None) -> None:
    assert retry_after(answer(b"", 503, retry_after=header)) == seconds


def test_a_doubled_date_header_is_read_once() -> None:
    found = understand(answer([], date="Sat, 21 Nov 2026 01:00:00 GMT, Sat, 21 Nov 2026 01:00:01 GMT"))
    assert found.at is not None
    assert found.at.isoformat() == "2026-11-21T01:00:00+00:00"


def test_rows_must_be_objects() -> None:
    bodies: list[Any] = [{}, ["x"]]
    for body in bodies:
        with pytest.raises(Misunderstood):
            understand(answer(body)).rows()


values = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
documents = st.lists(values) | st.dictionaries(st.text(max_size=3), values)
noises = st.text("<>abc []{}\n:0", max_size=30).filter(lambda text: not text.endswith(("[", "{", ":", ",")))


@given(documents)
def test_plain_json_is_itself(document: Any) -> None:
    assert decode(json.dumps(document).encode()) == (document, False)
    assert decode(b"\xef\xbb\xbf" + json.dumps(document).encode()) == (document, False)


@given(documents)
def test_a_warning_in_front_is_cut_off(document: Any) -> None:
    noise = b"<br />\n<b>Warning</b>: Undefined array key [0] in {closure}() on line <b>7</b><br />\n"
    assert decode(noise + json.dumps(document).encode()) == (document, True)


@given(documents, st.data(), st.sampled_from([b"", b"<b>Notice</b>: x\n"]))
def test_json_that_was_cut_short_never_passes_for_less(document: Any, data: Any, noise: bytes) -> None:
    whole = json.dumps(document).encode()
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert decode(noise + whole[:cut])[0] is NO_JSON


@given(noises)
def test_pages_are_no_json(noise: str) -> None:
    assert decode(f"<html><body>{noise}</body></html>".encode())[0] is NO_JSON
