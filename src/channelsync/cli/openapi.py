"""`openapi`: what the API is, without a daemon."""

from __future__ import annotations

from channelsync.cli.show import dump


def openapi() -> None:
    """Print the OpenAPI 3.1 document of the API.

    [dim]Example: channelsync openapi > channelsync-openapi.json[/dim]
    """
    from channelsync.shell.api.app import build

    dump(build().openapi())
