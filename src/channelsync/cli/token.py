"""`token`: who may use the API. A token's text is shown once, when it is made; the ledger keeps its hash."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.markup import escape

from channelsync.cli.show import ago, dump, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt, actor
from channelsync.ledger import tokens
from channelsync.ledger.tokens import Scope
from channelsync.shell.token_text import mint

group = typer.Typer(no_args_is_help=True, help="Tokens of the API.\n\n[dim]Example: channelsync token create shop --scope read[/dim]")


@group.command()
def create(
    name: Annotated[str, typer.Argument(help="Who uses it, for what.")],
    scope: Annotated[list[Scope], typer.Option("--scope", "-s", help="What it allows; may be given several times. admin includes all.")],
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="Ends after so many days; never, if left out.")] = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Make a token and show it, once.

    [dim]Example: channelsync token create storefront --scope read --scope reserve --days 365[/dim]
    """
    text, public_id, digest = mint()
    ends = None if days is None else datetime.now(UTC) + timedelta(days=days)
    asked: dict[str, Any] = {
        "public_id": public_id,
        "name": name,
        "secret_hash": digest,
        "scopes": sorted(set(scope)),
        "expires_at": None if ends is None else ends.isoformat(),
        "actor": actor(),
    }
    made = StoreAt(config).ask("token.create", asked)
    if json:
        dump({"token": text, **made})
        return
    say(f"[bold]{escape(text)}[/bold]")
    say(f"This is shown once. It may {', '.join(made['scopes'])}; send it as `Authorization: Bearer ...` to the private listener.")


@group.command("list")
def list_(config: ConfigFile = None, json: AsJson = False) -> None:
    """List all tokens, also those that have ended.

    [dim]Example: channelsync token list[/dim]
    """
    found = StoreAt(config).read(tokens.every, datetime.now(UTC))
    if json:
        dump(found)
        return
    rows = [
        (t.public_id, t.name, ", ".join(t.scopes), t.state, ago(t.created_at), ago(t.last_used_at), t.expires_at or "never") for t in found
    ]
    table("Tokens", ("id", "name", "scopes", "state", "made", "last used", "ends"), rows, empty="no tokens yet")


@group.command()
def revoke(
    token: Annotated[str, typer.Argument(help="Its name or its id.")],
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """End a token, at once and for good.

    [dim]Example: channelsync token revoke storefront[/dim]
    """
    gone = StoreAt(config).ask("token.revoke", {"token": token})
    dump(gone) if json else say(f"the token {escape(gone['name'])} is revoked")
