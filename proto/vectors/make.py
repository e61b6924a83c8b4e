#!/usr/bin/env python3
"""Writes the vectors beside it: proto/vectors/make.py [directory].

Every byte is built by pack.py and every expectation is written out here by hand; nothing is
computed by the codec under test. PROTOCOL.md says what the fields mean.
"""

import json
import pathlib
import sys

import make_envelopes as envelopes
import make_group_requests as group_requests
import make_ingest as ingest
import make_manage_requests as manage_requests
import make_names as names
import make_replies as replies
import make_requests as requests
import make_scan as scan

FILES = {
    "scan.json": scan.vectors,
    "names.json": names.name_vectors,
    "globs.json": names.glob_vectors,
    "ingest.json": ingest.vectors,
    "envelopes.json": envelopes.vectors,
    "requests.json": lambda: (requests.vectors() + group_requests.vectors()
                              + manage_requests.vectors()),
    "replies.json": replies.vectors,
}


def render(vectors):
    """One vector a line, so that a change shows as the vectors it changes."""
    lines = [json.dumps(vector, ensure_ascii=False) for vector in vectors]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def main():
    here = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent
    for name, vectors in FILES.items():
        (here / name).write_text(render(vectors()), encoding="utf-8")


if __name__ == "__main__":
    main()
