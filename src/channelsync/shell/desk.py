"""What the command line may ask for, by name: the same verbs in the daemon (over its control socket) and in a command that holds the lock itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from channelsync.engine.auditing import Auditing
from channelsync.engine.channel import Channel
from channelsync.engine.operator import Operator
from channelsync.engine.retrying import Retrying
from channelsync.errors import ChannelsyncError
from channelsync.ledger import aside_groups, channels, drifts, guard_answer, matching, measuring, openings
from channelsync.ledger.alert_queue import Message
from channelsync.ledger.aside_groups import Wanted
from channelsync.ledger.channels import Pause
from channelsync.ledger.files import importing
from channelsync.ledger.files.importing import Applied, Chunk
from channelsync.ledger.files.kinds import Source
from channelsync.ledger.guard_answer import Resume
from channelsync.ledger.matching import Link, Linked, Unlink
from channelsync.ledger.refusals import NotAllowed, Refusal
from channelsync.shell.assemble import Assembly
from channelsync.shell.desk_verbs import LEDGER_VERBS
from channelsync.shell.live import live
from channelsync.shell.plain import plain
from channelsync.shell.spool import Long, Spool

T = TypeVar("T")
Args = Mapping[str, Any]


class UnknownRequest(ChannelsyncError):
    """A verb or an argument that this version does not know."""

    code = "malformed"


class Desk:
    def __init__(self, assembly: Assembly, *, running: bool) -> None:
        self.assembly, self._store = assembly, assembly.store
        self._running = running
        self._operator = Operator(assembly.engine, opening=assembly.opening, running=running)
        self._verbs: dict[str, Callable[[Args], Awaitable[Any]]] = {
            "live": self._live,
            "plan": self._plan,
            "apply": self._apply,
            "sync": self._sync,
            "audit": self._audit,
            "audit.orders": self._read_orders,
            "drift.answer": self._answer_drifts,
            "probe.keep": self._keep,
            "pause": self._pause,
            "resume": self._resume,
            "aside.retry": self._retry,
            "listings.link": self._link,
            "listings.unlink": self._unlink,
            "listings.match": self._match,
            "alerts.test": self._test_alerts,
            "import": self._import,
        }

    async def handle(self, verb: str, args: Args) -> Any:
        """One request -> a JSON value, or a Long one. Raises Refusal and ChannelsyncError for what the caller should be told."""
        if verb in LEDGER_VERBS:
            function, kind = LEDGER_VERBS[verb]
            result = await self._store.ledger.run(function, _item(kind, args))
            self._store.wake()
            return plain(result)
        if verb not in self._verbs:
            raise UnknownRequest(f"this daemon does not know {verb!r}; it may be older than the command, restart it")
        return await self._verbs[verb](args)

    def live(self) -> dict[str, Any]:
        """What only this process knows, without waiting for anything."""
        return live(self.assembly)

    async def _live(self, _args: Args) -> Any:
        return self.live()

    async def _plan(self, args: Args) -> Any:
        troubles = await self._operator.look() if args.get("look", True) else {}
        spool = Spool(openings.SECTIONS)
        return Long(spool, {**plain(await self._operator.plan(spool)), "troubles": troubles})

    async def _apply(self, args: Args) -> Any:
        """A channel that could not be looked at is a reason not to apply: its plan would be made of old numbers."""
        troubles = await self._operator.look() if args.get("look", True) else {}
        if troubles:
            raise NotAllowed(
                "nothing was applied, because not every channel could be read: " + "; ".join(f"{n}: {t}" for n, t in troubles.items())
            )
        spool = Spool(openings.SECTIONS)
        applied = await self._operator.apply(spool)
        waiting = await self._operator.push() if args.get("push", True) else {}
        return Long(spool, {**plain(applied), "troubles": {}, "still_due": dict(waiting)})

    async def _sync(self, args: Args) -> Any:
        wanted = self._chosen(args)
        troubles = await self._operator.look(wanted)
        for channel in wanted:
            if channel.name not in troubles:
                await self.assembly.engine.reconcilers[channel.id].sweep()
        return {"troubles": troubles, "still_due": dict(await self._operator.push(wanted))}

    async def _audit(self, _args: Args) -> Any:
        return plain(await Auditing(self.assembly.engine).run())

    async def _read_orders(self, args: Args) -> Any:
        """Read orders of one channel again, and apply them as their shop tells them now."""
        channel, refs = self._named(args), [str(ref) for ref in args.get("orders", [])]
        engine = self.assembly.engine
        retrying = Retrying(self._store, engine.catalogues, engine.arrived)
        for ref in refs:
            await retrying.read_again(channel, ref)
        self._store.wake()
        return {"read": len(refs)}

    async def _answer_drifts(self, args: Args) -> Any:
        """Many drifts, each of them alone: what was done, or why not, in the order of the answers."""
        items = [_item(drifts.Resolve, each) for each in args.get("answers", [])]
        done = await asyncio.gather(*(self._store.ledger.run(drifts.resolve, item) for item in items), return_exceptions=True)
        self._store.wake()
        if bugs := [each for each in done if isinstance(each, BaseException) and not isinstance(each, Refusal)]:
            raise bugs[0]
        return [{"refused": str(each)} if isinstance(each, Refusal) else {"done": each} for each in done]

    async def _keep(self, args: Args) -> Any:
        """What a probe found out holds from now on."""
        measured = _item(measuring.Measured, args)
        kept = await self._store.ledger.run(measuring.keep, measured)
        channel = self._store.channels[measured.channel_id]
        channel.measured = {**channel.measured, **measured.values}
        return kept

    async def _pause(self, args: Args) -> Any:
        reason = str(args.get("reason") or "paused by a person")
        return {c.name: await self._store.ledger.run(channels.pause, Pause(c.id, reason)) for c in self._chosen(args)}

    async def _resume(self, args: Args) -> Any:
        """One that the guard has stopped says what it would do, after the others have gone on."""
        chosen, accept = self._chosen(args), bool(args.get("accept"))
        done: dict[str, bool] = {}
        stopped: list[str] = []
        for channel in chosen:
            try:
                done[channel.name] = await self._store.ledger.run(guard_answer.resume, Resume(channel.id, accept))
            except NotAllowed as error:
                stopped.append(str(error))
        self._store.wake(chosen)
        if stopped:
            went = [name for name, changed in done.items() if changed]
            raise NotAllowed("; ".join([*([f"resumed: {', '.join(went)}"] if went else []), *stopped]))
        return done

    async def _retry(self, args: Args) -> Any:
        channel_id = self._named(args).id if args.get("channel") else None
        wanted = Wanted(channel_id, args.get("kind"), args.get("reason"))
        engine = self.assembly.engine
        tried, troubles = await Retrying(self._store, engine.catalogues, engine.arrived).retry(wanted)
        if not self._running:
            while await engine.intake.run_once():
                pass
        left = sum(group.count for group in await self._store.ledger.read(aside_groups.grouped, channel_id))
        return {"tried": tried, "left": left, "troubles": troubles}

    async def _link(self, args: Args) -> Any:
        channel = self._named(args)
        linked: Linked = await self._store.ledger.run(matching.link, _item(Link, {**_without_channel(args), "channel_id": channel.id}))
        channel.look.set()
        self._store.wake()
        return plain(linked)

    async def _unlink(self, args: Args) -> Any:
        channel = self._named(args)
        return plain(await self._store.ledger.run(matching.unlink, _item(Unlink, {**_without_channel(args), "channel_id": channel.id})))

    async def _match(self, args: Args) -> Any:
        """Read the listings again and link what can be linked by itself."""
        chosen = self._chosen(args)
        counts = {channel.name: await self.assembly.engine.catalogues[channel.id].refresh(whole=True) for channel in chosen}
        return {"read": counts}

    async def _test_alerts(self, args: Args) -> Any:
        """A message to one target, or to each, now and beside the queue. Answers what each of them said."""
        alerts = self.assembly.engine.alerts
        senders = alerts.senders if alerts is not None else {}
        name = args.get("target")
        if not senders or name not in (None, *senders):
            known = ", ".join(sorted(senders)) or "none; name one under [alerts.targets] or [alerts.webhooks] in the config"
            raise UnknownRequest(f"the config has no target {name!r}; known: {known}" if name else f"targets of alerts: {known}")
        now = self._store.clock.now()
        number = -int(now.timestamp() * 1000)  # no message of the queue has such a number
        test = Message(
            number, None, "summary", "summary", "info", "This is a test", {"first": ["If you read this, alerts reach you."]}, now
        )
        return {each: plain(await senders[each].send(test)) for each in sorted(senders) if name in (None, each)}

    async def _import(self, args: Args) -> Any:
        kind = importing.KINDS.get(str(args.get("kind")))
        if kind is None:
            raise UnknownRequest(f"files of {args.get('kind')!r} are not known here; this daemon may be older than the command, restart it")
        rows = _item(tuple[kind.row, ...], args.get("rows", ()))  # type: ignore[name-defined]
        chunk = Chunk(kind.name, _item(Source, args.get("source", {})), rows, bool(args.get("whole")))
        return plain(await self.take_rows(chunk))

    async def take_rows(self, chunk: Chunk) -> Applied:
        """Rows of a file, as one transaction. Shops whose listings are linked anew are looked at again. Raises Refusal."""
        done: Applied = await self._store.ledger.run(importing.apply, chunk)
        for channel in self._store.channels.values():
            if channel.name in {getattr(row, "channel", None) for row in chunk.rows}:
                channel.look.set()
        self._store.wake()
        return done

    def _chosen(self, args: Args) -> list[Channel]:
        return [self._named(args)] if args.get("channel") else list(self._store.channels.values())

    def _named(self, args: Args) -> Channel:
        name = str(args.get("channel") or "")
        for channel in self._store.channels.values():
            if channel.name == name:
                return channel
        known = ", ".join(sorted(channel.name for channel in self._store.channels.values())) or "none"
        raise UnknownRequest(f"the config has no channel {name!r}; known: {known}")


def _without_channel(args: Args) -> dict[str, Any]:
    return {name: value for name, value in args.items() if name != "channel"}


def _item(kind: type[T], args: Args | Sequence[Any]) -> T:
    try:
        return TypeAdapter(kind).validate_python(dict(args) if isinstance(args, Mapping) else args)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UnknownRequest(f"argument {where or getattr(kind, '__name__', kind)}: {first['msg']}") from error
