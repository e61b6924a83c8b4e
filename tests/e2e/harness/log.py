"""A channel as it lies in Redis, read past the bridge."""

from .wire import decode, encode, id_of


def key(channel, what, prefix="zrb"):
    return f"{prefix}:{{{channel}}}:{what}"


def members(store, channel):
    """[(score, envelope bytes)] of a channel's log, in order."""
    return [(int(score), member) for member, score in
            store.zrange(key(channel, "log"), 0, -1, withscores=True)]


def count(store, channel):
    return store.zcard(key(channel, "log"))


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
