"""What `doctor` can see of an account from outside. Reads only. Each check says one thing, with its remedy."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from channelsync.contract import Diagnosis, Role, Setup, Severity
from channelsync.errors import Refused, Unauthorized
from channelsync_moysklad.answers import ShopRefused
from channelsync_moysklad.api import Api
from channelsync_moysklad.listings import BETA, COUNTED, kind_of
from channelsync_moysklad.shapes import Raw, id_of, linked_id, text
from channelsync_moysklad.stock import REPORT
from channelsync_moysklad.subscriptions import TOPICS, Subscriptions

SKEW_SECONDS = 60.0
GOODS_PAGES = 10
NAMED = 5
HEAVY_FROM = datetime(2026, 11, 30, 21, tzinfo=UTC)  # 1 December in Moscow: a user's request weighs 4 from then on
ADMIN_CODES = (30004, 1016)


class Doctor:
    """The checks of one account."""

    def __init__(self, api: Api, hooks: Subscriptions, role: Role) -> None:
        self._api, self._settings, self._hooks, self._role = api, api.settings, hooks, role

    async def diagnose(self, setup: Setup) -> list[Diagnosis]:
        try:
            answer = await self._api.get("/context/employee")
        except Unauthorized as error:
            return [
                _error("credentials", str(error), "give the channel a token of an employee of its own; minting a new one ends the old one")
            ]
        found = _skew(self._api.time_of(answer), setup)
        for check in (self._report, self._stores, self._export, self._goods, self._webhooks, self._company):
            found += [finding async for finding in check(setup)]
        return found

    async def _report(self, setup: Setup) -> AsyncIterator[Diagnosis]:
        try:
            await self._api.get(REPORT, {"filter": f"assortmentId={'0' * 8}-0000-0000-0000-{'0' * 12}"})
        except Unauthorized as error:
            yield _error("stock-permission", str(error), "make the employee an administrator, or give the permission for stock")
        except ShopRefused as error:
            yield _error("stock-report", str(error), "ask Moysklad's support; without the short stock report nothing can be imported")

    async def _stores(self, setup: Setup) -> AsyncIterator[Diagnosis]:
        rows = await self._api.all("/entity/store", {"filter": "archived=true;archived=false"})
        by_id = {id_of(row): row for row in rows}
        named = list(dict.fromkeys([*self._settings.stores, *filter(None, setup.locations)]))
        for ref in named:
            if ref not in by_id:
                yield _error("store-unknown", "Moysklad has no such store, or hides it from the employee", "correct stores", ref)
            elif by_id[ref].get("archived") is True:
                yield _error("store-archived", f"the store {text(by_id[ref].get('name'))!r} is archived", "take it out of stores", ref)
        for row in rows:
            if linked_id(row, "parent") in named and id_of(row) not in named:
                what = f"the store {text(row.get('name'))!r} lies within one that counts, and does not count itself: rows are never summed"
                yield Diagnosis("store-nested", Severity.WARNING, what, "name it in stores too, if its units are for sale", id_of(row))

    async def _export(self, setup: Setup) -> AsyncIterator[Diagnosis]:
        needed = {"organization": self._settings.organization, "counterparty": self._settings.agent}
        if self._role is not Role.AUTHORITY:
            needed = {kind: ref for kind, ref in needed.items() if ref}
        for kind, ref in needed.items():
            name = "agent" if kind == "counterparty" else kind
            if ref is None:
                yield _error(f"{name}-missing", f"{name} is not set: our orders cannot be told to Moysklad", f"set {name} to its id", name)
                continue
            try:
                await self._api.get(f"/entity/{kind}/{ref}")
            except Refused as error:
                yield _error(f"{name}-unknown", str(error), f"correct {name}", ref)

    async def _goods(self, setup: Setup) -> AsyncIterator[Diagnosis]:
        field, goods, pages = self._settings.sku_field, list[Raw](), 0
        async for rows in self._assortment():
            goods += [row for row in rows if kind_of(row) in COUNTED]
            pages += 1
            if pages >= GOODS_PAGES:
                break
        skus = Counter(text(row.get(field)).strip() for row in goods)
        if empty := skus.pop("", 0):
            yield _warning(
                "sku-empty", f"{empty} goods have no {field}", f"fill in {field}, or choose another sku_field; they cannot be matched"
            )
        if twice := sorted(sku for sku, count in skus.items() if count > 1):
            what = f"{len(twice)} values of {field} stand on several goods: {', '.join(twice[:NAMED])}"
            yield _warning(
                "sku-duplicate", what, "make them unique (Moysklad can enforce it for code); such goods are not matched by themselves"
            )
        marked = [row for row in goods if row.get("isSerialTrackable") is True or row.get("trackingType", "NOT_TRACKED") != "NOT_TRACKED"]
        if marked:
            what = f"{len(marked)} goods carry serial numbers or are marked: their shipments need codes"
            yield Diagnosis("goods-marked", Severity.NOTE, what, "ship them in Moysklad; channelsync never makes shipments")

    def _assortment(self) -> AsyncIterator[list[Raw]]:
        async def pages() -> AsyncIterator[list[Raw]]:
            offset = 0
            while True:
                answer = await self._api.get("/entity/assortment", {"limit": "1000", "offset": str(offset)}, beta=BETA)
                rows = answer.rows()
                yield rows
                offset += len(rows)
                if not rows or offset >= answer.size:
                    return

        return pages()

    async def _webhooks(self, setup: Setup) -> AsyncIterator[Diagnosis]:
        if setup.webhook_url is None:
            return
        if not self._settings.webhook_secrets:
            yield _error("webhook-secret", "webhook_secrets is empty", "set it to a long random text; Moysklad signs nothing")
            return
        try:
            existing = await self._hooks.existing()
        except Unauthorized as error:
            yield _error("webhook-rights", str(error), "make the employee an administrator, on a paid or trial plan")
            return
        ours = {hook.topic: hook.active for hook in existing if hook.url == setup.webhook_url}
        if missing := [topic for topic in TOPICS if topic not in ours]:
            remedy = "start the daemon, which creates them; free plans have no webhooks (30006)"
            yield _warning("webhook-missing", f"not subscribed: {', '.join(missing)}", remedy)
        if off := [topic for topic, active in ours.items() if not active]:
            yield _warning(
                "webhook-disabled", f"switched off by Moysklad: {', '.join(off)}", "make the public address answer; then it is armed again"
            )

    async def _company(self, setup: Setup) -> AsyncIterator[Diagnosis]:
        if self._settings.credential == "user" and setup.now < HEAVY_FROM:
            yield Diagnosis(
                "weight", Severity.NOTE, "a user's request weighs 3 units and 4 from December 2026: counted as 4 already", "nothing"
            )
        try:
            company = (await self._api.get("/context/companysettings")).object()
            await self._api.get("/audit", {"limit": "1"})
        except Unauthorized as error:
            remedy = "make the employee an administrator: goods hidden from it look sold out, and deletions stay unseen"
            yield _warning("not-admin", str(error), remedy)
            return
        if company.get("checkShippingStock") is not True:
            what = "Moysklad lets people ship what is not there: stock may go below zero"
            yield Diagnosis("ships-below-zero", Severity.NOTE, what, "switch on the check of stock when shipping (checkShippingStock)")


def _skew(shop: datetime, setup: Setup) -> list[Diagnosis]:
    seconds = (setup.now - shop).total_seconds()
    if abs(seconds) <= SKEW_SECONDS:
        return []
    return [_warning("clock-skew", f"our clock differs from Moysklad's by {seconds:.0f} s", "set this machine's time by NTP")]


def _error(code: str, what: str, remedy: str, where: str = "") -> Diagnosis:
    return Diagnosis(code, Severity.ERROR, what, remedy, where)


def _warning(code: str, what: str, remedy: str) -> Diagnosis:
    return Diagnosis(code, Severity.WARNING, what, remedy)
