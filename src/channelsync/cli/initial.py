"""`init`: writes a commented config file, from options or from a few questions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from channelsync.cli.show import say
from channelsync.cli.store import HERE
from channelsync.config.models import Name
from channelsync.config.problems import from_validation
from channelsync.errors import ChannelsyncError
from channelsync.registry import Registry

AUTHORITY = "moysklad"
"""It has no shelf to write: what it is usually wanted for is to own on hand."""

TEMPLATES = {
    "bigcommerce": """\
store_hash = "PASTE-IT-HERE"
access_token = {{ env = "{env}_TOKEN" }}               # or {{ file = "..." }}, {{ credential = "..." }}
client_secret = {{ env = "{env}_CLIENT_SECRET" }}
webhook_secrets = [{{ env = "{env}_WEBHOOK_SECRET" }}]
""",
    AUTHORITY: """\
token = {{ env = "{env}_TOKEN" }}               # or {{ file = "..." }}, {{ credential = "..." }}; of an employee of its own
stores = ["PASTE-THE-STORE-ID-HERE"]
organization = "PASTE-ITS-ID-HERE"              # for the orders we write there
agent = "PASTE-THE-COUNTERPARTY-ID-HERE"
webhook_secrets = [{{ env = "{env}_WEBHOOK_SECRET" }}]   # a long random text of yours
locations = {{ "PASTE-THE-STORE-ID-HERE" = "main" }}
""",
    "shopify": """\
shop = "YOUR-SHOP.myshopify.com"
client_id = "PASTE-IT-HERE"
client_secret = {{ env = "{env}_CLIENT_SECRET" }}      # or {{ file = "..." }}, {{ credential = "..." }}
""",
    "woocommerce": """\
url = "https://YOUR-SHOP.example"
consumer_key = {{ env = "{env}_KEY" }}                 # or {{ file = "..." }}, {{ credential = "..." }}
consumer_secret = {{ env = "{env}_SECRET" }}
webhook_secrets = [{{ env = "{env}_WEBHOOK_SECRET" }}]
""",
}
OTHER = "# the connector's own keys go here; its documentation names them\n"

ROLE = 'role = "authority"                  # it owns on hand, and is told of our sales; docs/authorities.md\n'

HEAD = """\
# One store: one file, one daemon, one ledger. Check it with: channelsync check -c {file}
# Unknown keys are refused; config.example.toml explains every key there is.

[store]
id = "{store}"                      # this business; the ledger remembers it and refuses any other
{opening}

[listen]
#public_url = "https://sync.example.com"   # how shops reach us with webhooks; without it polling does all the work

[rules]
safety_stock = {safety_stock}                    # units that no channel shows
"""

CHANNEL = """
[channels.{name}]
connector = "{connector}"
{role}mode = "shadow"                     # reads everything, writes nothing; change it to "live" when the plan looks right
{own}"""


class CannotWrite(ChannelsyncError):
    """The file exists already, or its place cannot be written."""


def init(
    file: Annotated[Path, typer.Argument(help="The file to write.")] = HERE,
    store: Annotated[str | None, typer.Option(help="The store's id: small letters, digits, - and _.")] = None,
    channel: Annotated[list[str] | None, typer.Option(help="name=connector, once per shop (webshop=woocommerce).")] = None,
    safety_stock: Annotated[int, typer.Option(min=0, help="Units that no channel shows.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Write a commented config file. Asks for what the options do not say.

    [dim]Example: channelsync init acme.toml --store acme --channel webshop=woocommerce[/dim]
    """
    if file.exists() and not force:
        raise CannotWrite(f"{file} exists already; choose another name, or overwrite it with --force")
    known = Registry.installed().names()
    name = _named(store or typer.prompt("Store id", default=file.stem), "--store")
    chosen = channel if channel is not None else _ask_channels(known)
    text = _text(file, name, [_parsed(each, known) for each in chosen], safety_stock)
    try:
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CannotWrite(f"{file} cannot be written ({error.strerror}); check the folder") from error
    say(f"wrote {file}; fill in the credentials, then: channelsync check -c {file}")


def _ask_channels(known: tuple[str, ...]) -> list[str]:
    text: str = typer.prompt(f"Shops as name=connector, separated by spaces ({', '.join(known)})", default="", show_default=False)
    return text.split()


def _parsed(text: str, known: tuple[str, ...]) -> tuple[str, str]:
    name, _, connector = text.partition("=")
    if not name or connector not in known:
        raise typer.BadParameter(f"{text!r}: write name=connector; connectors: {', '.join(known)}", param_hint="--channel")
    return _named(name, "--channel"), connector


def _named(name: str, option: str) -> str:
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError as error:
        [(_, why)] = from_validation(error, (), ())
        raise typer.BadParameter(f"{name!r}: {why}", param_hint=option) from error
    return name


def _text(file: Path, store: str, channels: list[tuple[str, str]], safety_stock: int) -> str:
    owners = [name for name, connector in channels if connector == AUTHORITY]
    first = next(iter(owners), channels[0][0] if channels else None)
    opening = f'opening = "{first}"' if first else '#opening = "webshop"'
    opening += "              # the channel whose numbers open the ledger on day one"
    parts = [HEAD.format(file=file, store=store, opening=opening, safety_stock=safety_stock)]
    for name, connector in channels:
        own = TEMPLATES.get(connector, OTHER).format(env=name.upper().replace("-", "_"))
        parts.append(CHANNEL.format(name=name, connector=connector, role=ROLE if connector == AUTHORITY else "", own=own))
    return "".join(parts)
