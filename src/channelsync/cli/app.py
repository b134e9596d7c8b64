"""The command tree, and what an error looks like: one sentence on standard error, never a traceback for what can be expected."""

from __future__ import annotations

from typing import Any

import typer

from channelsync.cli.show import complain, dump_error
from channelsync.cli.tree import STYLE, Tree
from channelsync.errors import ChannelsyncError, code_of

AS_JSON = "channelsync.json"
REFUSED, MISUSED, MISCONFIGURED, INTERRUPTED = 1, 2, 3, 130

EPILOG = (
    "Exit codes: 0 done; 1 refused or failed (the message says why); 2 wrong usage; 3 the config file has problems; 130 interrupted. "
    "Every command that works on a store takes --config FILE (default: ./channelsync.toml, else the only file in /etc/channelsync)."
)


class Group(Tree):
    """Turns the errors this project raises on purpose into a message and an exit code; with --json into a document, too."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta[AS_JSON] = "--json" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ChannelsyncError as error:
            if ctx.meta[AS_JSON]:
                dump_error(code_of(error), str(error))
            complain(str(error))
            from channelsync.config import ConfigError  # only now: a command that has no config needs none

            raise typer.Exit(MISCONFIGURED if isinstance(error, ConfigError) else REFUSED) from None
        except typer.Abort:
            if ctx.meta[AS_JSON]:
                dump_error("aborted", "nobody has confirmed it, and nothing was changed; --yes does not ask")
            raise
        except typer.TyperException as misused:
            if ctx.meta[AS_JSON]:
                dump_error("malformed", misused.format_message())
            raise
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(cls=Group, no_args_is_help=True, epilog=EPILOG, **STYLE)


@app.callback()
def channelsync() -> None:
    """One stock ledger for all your shops: never puts a sold unit back on sale."""


def main() -> None:
    app()
