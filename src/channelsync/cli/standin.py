"""`standin`: a shop that behaves like the real platform, on this machine, to try things with. Serving it is in `standin_shop`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from channelsync.cli.loop import run_loop


class Platform(StrEnum):
    SHOPIFY = "shopify"
    WOOCOMMERCE = "woocommerce"
    BIGCOMMERCE = "bigcommerce"
    MOYSKLAD = "moysklad"
    MEMORY = "memory"


def standin(
    name: Annotated[Platform, typer.Argument(help="Which platform.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same credentials and faults.")] = 1,
    faults: Annotated[str, typer.Option(metavar="F", help="none, some, or e.g. throttle=0.1,drop_after=0.05")] = "none",
    stocked: Annotated[bool, typer.Option("--stocked/--empty", help="With 50 products of 40 units, or without any.")] = True,
) -> None:
    """Serve a stand-in shop until Ctrl-C. The first line on standard output is JSON: its url, its credentials, its table for a config file.

    [dim]Example: channelsync standin woocommerce --port 9000 --faults some[/dim]
    """
    from channelsync.cli.standin_shop import dial, serve  # every platform's: no other command shall wait for that

    try:
        chosen = dial(faults)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--faults") from error
    run_loop(serve(name, port, seed, chosen, stocked=stocked))
