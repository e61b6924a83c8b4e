"""Redis comes back older than it was: no id is used twice, and replay tells each hole as jumped."""

from harness import log
from harness.wire import ROOT, encode


def test_two_jumps_within_a_second_do_not_meet(store):
    """What the first jump led to is lost at once, and nobody who appends next knows of it."""
    script = (ROOT / "proto" / "lua" / "append.lua").read_text(encoding="utf-8")
    keys = [log.key("orders", what) for what in ("log", "meta", "gaps", "ids")]
    last = 0
    for number in range(20):
        store.delete(*keys)
        members = [part for id_ in range(1, 11) for part in (id_, encode(id_, 0, None, b"%d" % id_))]
        result = store.eval(script, 4, *keys, f"session-{number}", 1, f"epoch-{number}", 1, 1, 0, 10, 230, 0,
                            "zrb:appended", "orders", *members)
        assert result[0] == b"stored" and result[1] > last
        last = result[1] + 9
