"""A channel as it lies in Redis, read past the bridge.

Members may hold one envelope or several. In a member that holds several, what is below the floor or expired stays as
long as the others do: it is passed over here, as it is by every reader.
"""

from .bridge import PACK
from .wire import decode, encode, id_of, split


def key(channel, what, prefix="zrb"):
    return f"{prefix}:{{{channel}}}:{what}"


def raw_members(store, channel):
    """[(score, bytes)] of a channel's log, in order."""
    return [(int(score), member) for member, score in
            store.zrange(key(channel, "log"), 0, -1, withscores=True)]


def _stays_for_others(store, channel):
    """Whether an id of a member that holds several is hidden."""
    floor = int(store.hget(key(channel, "meta"), "floor") or 1)
    gaps = [row.split()[:2] for row in store.zrange(key(channel, "gaps"), 0, -1)]
    expired = {id_ for first, last in gaps for id_ in range(int(first), min(int(last), int(first) + 100000) + 1)}
    return lambda id_, score: id_ < floor <= score or id_ in expired


def members(store, channel):
    """[(id, envelope bytes)] of a channel's log, in order."""
    found, hidden = [], None
    for score, member in raw_members(store, channel):
        if id_of(member) == score:
            found.append((score, member))
            continue
        hidden = hidden or _stays_for_others(store, channel)
        envelopes = split(member)
        ids = range(score - len(envelopes) + 1, score + 1)
        assert [id_of(envelope) for envelope in envelopes] == list(ids)
        found += [(id_, envelope) for id_, envelope in zip(ids, envelopes) if not hidden(id_, score)]
    return found


def count(store, channel):
    """How many messages are stored."""
    return store.zcard(key(channel, "log")) if PACK == 1 else len(members(store, channel))


def payloads(store, channel):
    return [decode(member)[3] for _, member in members(store, channel)]


def expect_sound(store, channel, first=1):
    """Ids run from `first` without holes, each member holds the id that it stands under, times don't fall."""
    found = members(store, channel)
    assert [score for score, _ in found] == list(range(first, first + len(found)))
    assert [id_of(member) for _, member in found] == [score for score, _ in found]
    times = [decode(member)[1] for _, member in found]
    assert times == sorted(times)
    return found


def lay(store, channel, times, per_member=1, first=1):
    """Writes messages with these times, ids from `first` on, payloads the ids; so many envelopes a member."""
    envelopes = [encode(id_, time_ms, None, b"%d" % id_) for id_, time_ms in enumerate(times, first)]
    pipe = store.pipeline()
    for at in range(0, len(envelopes), per_member):
        group = envelopes[at:at + per_member]
        pipe.zadd(key(channel, "log"), {b"".join(group): first + at + len(group) - 1})
    pipe.hset(key(channel, "meta"), mapping={"head": first + len(times) - 1, "time": times[-1],
                                             "bytes": sum(map(len, envelopes))})
    pipe.zadd("zrb:channels", {channel: 0})
    pipe.execute()
