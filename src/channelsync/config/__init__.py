"""One TOML file per store, turned into frozen models, or into a list of everything that is wrong with it.

models    what the file may hold
rules     what it may say about the numbers that shops show
secrets   `{ env = ... }`, `{ file = ... }`, `{ credential = ... }`
problems  what is wrong: where, what, and what to do
load      the way from a path to a Config
"""

from channelsync.config.load import Connectors, load, parse
from channelsync.config.models import (
    AvailabilityConfig,
    ChannelConfig,
    Config,
    ListenConfig,
    Listener,
    LocationConfig,
    OnEdit,
    ReservationsConfig,
    RetentionConfig,
    StoreConfig,
)
from channelsync.config.problems import ConfigError, Problem
from channelsync.config.rules import ChannelRules, StoreRules

__all__ = [
    "AvailabilityConfig",
    "ChannelConfig",
    "ChannelRules",
    "Config",
    "ConfigError",
    "Connectors",
    "ListenConfig",
    "Listener",
    "LocationConfig",
    "OnEdit",
    "Problem",
    "ReservationsConfig",
    "RetentionConfig",
    "StoreConfig",
    "StoreRules",
    "load",
    "parse",
]
