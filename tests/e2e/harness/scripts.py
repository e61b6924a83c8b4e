"""The Lua files as the bridge sends them to Redis."""

import re

from .wire import ROOT


def text(name):
    """A script, behind the fragments that script.c puts before it."""
    source = (ROOT / "proto" / "script.c").read_text(encoding="utf-8")
    files = re.search(rf"s_{name}\[\] = {{\n((?:#include .*\n)+)", source).group(1)
    return "".join((ROOT / "proto" / "lua" / f"{part}.lua").read_text(encoding="utf-8")
                   for part in re.findall(r'"(\w+)\.inc"', files))
