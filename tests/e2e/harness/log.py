"""A channel as it lies in Redis, read past the bridge."""

from .wire import decode, id_of


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
