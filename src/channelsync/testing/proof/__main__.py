"""`python -m channelsync.testing.proof`: runs the proof, shows how far it is, and writes its page."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown

from channelsync.testing.commit import commit
from channelsync.testing.proof import running
from channelsync.testing.proof.profile import PROFILES, Profile
from channelsync.testing.proof.report import Proof


def main() -> int:
    options = _options()
    profile = _profile(options)
    began = time.perf_counter()
    ran = running.run(profile)
    proof = Proof(commit(), profile.name, time.perf_counter() - began, ran.worlds, ran.crashes, ran.places)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "proof.md").write_text(proof.page())
        (options.out / "proof.json").write_text(json.dumps(proof.as_json(), indent=2) + "\n")
    if options.json:
        sys.stdout.write(json.dumps(proof.as_json(), indent=2) + "\n")
    else:
        Console().print(Markdown(proof.page()))
    return 0 if proof.holds else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m channelsync.testing.proof",
        description="The promises as figures: simulated worlds with every fault, and what came of them.",
        epilog="Example: python -m channelsync.testing.proof --profile ci --out build",
    )
    parser.add_argument("--profile", choices=sorted(PROFILES), default="ci", help="how much of everything (default: ci)")
    parser.add_argument("--dense", type=int, help="so many seeds of seconds, instead of the profile's")
    parser.add_argument("--sparse", type=int, help="so many seeds of days, instead of the profile's")
    parser.add_argument("--cycles", type=int, help="so many kills of the daemon on each database, instead of the profile's")
    parser.add_argument("--restarts", type=int, help="so many restarts of the database, instead of the profile's")
    parser.add_argument("--stride", type=int, help="a daemon is hit at every so manieth place (1: all, 0: none), instead of the profile's")
    parser.add_argument("--minutes", type=float, help="begin nothing after so many minutes, instead of the profile's")
    parser.add_argument("--first", type=int, help="the first seed (default: 1)")
    parser.add_argument("--out", type=Path, help="a folder for proof.md and proof.json")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the page")
    return parser.parse_args()


def _profile(options: argparse.Namespace) -> Profile:
    wanted = {name: getattr(options, name) for name in ("dense", "sparse", "first", "cycles", "restarts", "stride", "minutes")}
    return replace(PROFILES[options.profile], **{name: value for name, value in wanted.items() if value is not None})


if __name__ == "__main__":
    sys.exit(main())
