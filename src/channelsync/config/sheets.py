"""The kinds of files that are about the config file."""

from __future__ import annotations

from typing import Any, Final

from channelsync.config.location_sheets import LOCATIONS
from channelsync.config.rule_sheets import RULES
from channelsync.config.sheet_kind import ConfigKind

CONFIG_KINDS: Final[dict[str, ConfigKind[Any]]] = {kind.name: kind for kind in (LOCATIONS, RULES)}
