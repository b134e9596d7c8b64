"""`audit`: the ledger against its own log, twice and by different code; its log against its seals; and all of it against the shops and owners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from channelsync.cli.progress import progress
from channelsync.cli.remedies import REMEDIES
from channelsync.cli.show import complain, dump, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt, actor
from channelsync.clock import SystemClock
from channelsync.ledger import repairing
from channelsync.ledger.audit import Difference
from channelsync.ledger.audit import audit as audit_ledger
from channelsync.ledger.rebuilding import Rebuilt, rebuild
from channelsync.ledger.repairing import Step
from channelsync.ledger.verifier import Verified, verify
from channelsync.shell.plain import plain

ROWS_SHOWN = 200
NO_SHOPS: Mapping[str, Any] = {"compared": [], "differences": [], "troubles": {}}


@dataclass(frozen=True, slots=True)
class Finding:
    """by: audit, verifier, rebuild or the channel's name. ledger and other: both sides."""

    by: str
    what: str
    where: str
    expected: str
    found: str
    cause: str
    remedy: str


def audit(
    offline: Annotated[bool, typer.Option("--offline", help="Ask no shop: only the ledger and its log.")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Show what would put right what can be.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --repair: do it.")] = False,
    head: Annotated[str | None, typer.Option(help="A seal's hash noted earlier: is it still in the chain?", show_default=False)] = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Prove the ledger: against its log, the log against its seals, and both against the shops' numbers and orders. Writes nothing to any shop.

    [dim]Example: channelsync audit --offline[/dim]
    """
    if yes and not repair:
        raise typer.BadParameter("it goes with --repair", param_hint="--yes")
    store = StoreAt(config)
    proved = store.read(_proof)
    shops = NO_SHOPS if offline else _ask_shops(store)
    steps, orders = (store.read(repairing.plan), _orders(shops)) if repair else ([], [])
    done = _repair(store, steps, orders) if yes else None
    if done:
        proved, shops = store.read(_proof), NO_SHOPS if offline else _ask_shops(store)
    findings = [*_of_ledger(proved), *_of_head(proved.verified, head), *_of_shops(shops)]
    answer = {**_summary(proved, shops, findings), "plan": {"steps": steps, "orders": orders}, "repaired": done}
    dump(answer) if json else _show(answer, findings, repair=repair)
    if findings or shops["troubles"] or any(shop["unasked"] for shop in shops["compared"]):
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class Proof:
    differences: list[Difference]
    verified: Verified
    rebuilt: Rebuilt


def _proof(conn: Connection) -> Proof:
    """All on one snapshot."""
    now = SystemClock().now()
    return Proof(audit_ledger(conn), verify(conn, now), rebuild(conn, now))


def _ask_shops(store: StoreAt) -> Mapping[str, Any]:
    with progress() as tell:
        answer: Mapping[str, Any] = store.ask("audit", tell=tell)
    return answer


# -- findings ------------------------------------------------------------------------------------------------------------------------------------


def _of_ledger(proved: Proof) -> list[Finding]:
    """What several proofs found is told by each: that they agree is worth knowing."""
    told = [("audit", each) for each in proved.differences] + [("verifier", each) for each in proved.verified.mismatches]
    rebuilt = [Finding("rebuild", "rebuilt", *difference, *REMEDIES["rebuilt"]) for difference in proved.rebuilt.differences]
    return [Finding(by, each.check, each.where, each.expected, each.found, *REMEDIES[each.check]) for by, each in told] + rebuilt


def _of_head(verified: Verified, head: str | None) -> list[Finding]:
    if head is None or any(head in seals.hashes for seals in verified.seals):
        return []
    return [Finding("verifier", "head", f"seal {head[:12]}", "in a chain", "in none", *REMEDIES["head"])]


def _of_shops(shops: Mapping[str, Any]) -> list[Finding]:
    return [
        Finding(each["channel"], each["kind"], each["what"], each["ledger"], each["shop"], each["cause"], each["remedy"])
        for each in shops["differences"]
    ]


def _orders(shops: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"channel": each["channel"], "order": each["what"]} for each in shops["differences"] if each["kind"] == "order"]


# -- repairs -------------------------------------------------------------------------------------------------------------------------------------


def _repair(store: StoreAt, steps: Sequence[Step], orders: Sequence[Mapping[str, str]]) -> dict[str, int]:
    """The ledger's own sums first: what the shops then say is posted on sound ground."""
    done = store.ask("audit.repair", {"steps": plain(list(steps)), "actor": actor()}) if steps else {"done": 0, "moved_on": 0}
    read = 0
    for channel in sorted({each["channel"] for each in orders}):
        mine = [each["order"] for each in orders if each["channel"] == channel]
        read += store.ask("audit.orders", {"channel": channel, "orders": mine})["read"]
    return {**done, "orders": read}


# -- showing -------------------------------------------------------------------------------------------------------------------------------------


def _summary(proved: Proof, shops: Mapping[str, Any], findings: Sequence[Finding]) -> dict[str, Any]:
    """For people and programs. The chains without all their hashes."""
    verified, again = proved.verified, proved.rebuilt
    seals = [{"log": s.log, "seals": s.seals, "sealed_up_to": s.upto, "not_sealed_yet": s.waiting, "head": s.head} for s in verified.seals]
    read = {"movements": verified.movements, "book_entries": verified.book_entries}
    rebuilt = {"orders": again.orders, "of": again.of, "lines": again.lines, "left_out": again.left_out}
    return {
        "read": read,
        "rebuilt": rebuilt,
        "seals": seals,
        "shops": shops["compared"],
        "troubles": shops["troubles"],
        "findings": list(findings),
    }


def _show(answer: Mapping[str, Any], findings: Sequence[Finding], *, repair: bool) -> None:
    for name, trouble in answer["troubles"].items():
        complain(f"{name} could not be compared: {trouble}")
    read = answer["read"]
    say(f"the log: {read['movements']} movements and {read['book_entries']} book entries added up")
    again = answer["rebuilt"]
    left_out = f"; {again['left_out']} depend on the way they came and were left out" if again["left_out"] else ""
    say(f"{again['orders']} of {again['of']} orders rebuilt from their snapshots, {again['lines']} lines compared{left_out}")
    for seals in answer["seals"]:
        head = f"the newest seal is {seals['head']}" if seals["head"] else "none yet; the running daemon seals by itself"
        say(f"sealed: {seals['log']} up to row {seals['sealed_up_to']}, {seals['not_sealed_yet']} rows not yet; {head}")
    for shop in answer["shops"]:
        say(_compared(shop))
    rows = [(f.by, f.what, f.where, f.expected, f.found) for f in findings[:ROWS_SHOWN]]
    table("Findings", ("by", "what", "where", "ledger, or should be", "shop, or is"), rows, empty="none, everything adds up")
    if len(findings) > ROWS_SHOWN:
        say(f"... and {len(findings) - ROWS_SHOWN} more; --json names them all")
    advice = dict.fromkeys((f.what, f.cause, f.remedy) for f in findings)
    if advice:
        table("What to do", ("what", "likely cause", "remedy"), advice)
    if repair:
        _show_plan(answer)


def _compared(shop: Mapping[str, Any]) -> str:
    if shop["owns"]:
        return _compared_owner(shop)
    busy = f" ({shop['busy']} more have a write on its way)" if shop["busy"] else ""
    unasked = f"; {shop['unasked']} more orders differ and were not asked for one by one" if shop["unasked"] else ""
    return f"{shop['channel']}: {shop['numbers']} numbers{busy} and {shop['orders']} listed orders compared{unasked}"


def _compared_owner(shop: Mapping[str, Any]) -> str:
    busy = f" ({shop['busy']} more are being recalculated there)" if shop["busy"] else ""
    unasked = f"; {shop['unasked']} more differ and were not asked for one by one" if shop["unasked"] else ""
    return f"{shop['channel']}: on hand of {shop['numbers']} SKUs at its locations compared{busy}{unasked}"


def _show_plan(answer: Mapping[str, Any]) -> None:
    plan, done = answer["plan"], answer["repaired"]
    rows = [(s.kind, s.sku, s.location, s.reference, s.what, s.found, s.right) for s in plan["steps"]]
    rows += [("order", "", "", f"{each['channel']} {each['order']}", "read again, applied", None, None) for each in plan["orders"]]
    table("Repairs", ("kind", "SKU", "location", "of", "what", "is#", "will be#"), rows, empty="nothing that can be repaired here")
    if done:
        moved_on = f"; {done['moved_on']} had changed meanwhile and were left" if done["moved_on"] else ""
        say(f"[green]repaired[/green]: {done['done']} steps, {done['orders']} orders read again{moved_on}; above is what is left")
    elif rows:
        say("nothing was changed; add --yes to do it")
