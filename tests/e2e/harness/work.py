"""Taking and settling, as a worker does it."""


def take(client, *channels, **options):
    """Takes from the channels: [(channel, id, payload, lease, attempt)]."""
    return taken(client.ok(op="take", channels=list(channels), **options))


def taken(reply):
    assert reply["ok"] is True, reply
    return [(channel, envelope[0], envelope[3], lease, attempt)
            for channel, envelope, lease, attempt in reply["messages"]]


def ids(messages):
    return [id_ for _, id_, _, _, _ in messages]


def payloads(messages):
    return [payload for _, _, payload, _, _ in messages]


def items(messages):
    """What ack and the like take, with a channel: [[id, lease]]."""
    return [[id_, lease] for _, id_, _, lease, _ in messages]


def settle(client, op, channel, messages, **options):
    """Settles what was taken of one channel: (done, already, stale), sorted."""
    return settled(client.ok(op=op, channel=channel, items=items(messages), **options))


def settled(reply):
    assert reply["ok"] is True, reply
    return sorted(reply["done"]), sorted(reply["already"]), sorted(reply["stale"])


def waits(client, *seqs):
    """A later request is answered while those wait: they have been read, and none was answered."""
    for _ in range(3):
        client.ok(op="ping")
    assert not set(seqs) & set(client._replies)
