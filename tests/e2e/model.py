"""The contract of channels and groups (PROTOCOL.md) in small: what may be asked for, and what must come of it.

It says nothing of keys, and has no clock: whoever drives it says when a lease has run out or a delay is over.
"""

READY, LATER, HELD, DEAD = "ready", "later", "held", "dead"


class Place:
    """Where a message is in a group, once it has been delivered or come with front. `lease`: of HELD the holder's, of
    READY and LATER that which ran out on it, 0 when it was given back otherwise."""

    def __init__(self, state, attempts=0, lease=0, front=False):
        self.state, self.attempts, self.lease, self.front = state, attempts, lease, front


class Group:
    """Ids above `cursor` wait, but for those that have a place or are in `passed`; at or below it, and in `passed`,
    those without a place are settled. `copied`: those whose message outlives the log, as dead letters do."""

    def __init__(self, channel, cursor):
        self.channel, self.cursor = channel, cursor
        self.places, self.passed, self.copied = {}, set(), set()
        self.leases = {}        #  number -> (consumer, all ids it was given for)
        self.reasons = {}       #  of the dead
        self.paused = False

    def _in(self, *states):
        return {id_ for id_, place in self.places.items() if place.state in states}

    @property
    def fresh(self):
        """Ids that wait in the log, not yet out of it."""
        first = max(self.cursor + 1, self.channel.floor)
        others = self.passed | self.places.keys() | self.channel.expired
        return [id_ for id_ in range(first, self.channel.head + 1) if id_ not in others]

    def _is_gone(self, id_):
        """It has expired; nobody gets it any more, whoever had it."""
        return id_ in self.channel.expired and id_ not in self.copied

    @property
    def held(self):
        return self._in(HELD)

    @property
    def dead(self):
        return self._in(DEAD)

    @property
    def waiting(self):
        return {id_ for id_ in self._in(READY, LATER) if not self._is_gone(id_)} | set(self.fresh)

    @property
    def order(self):
        """What can be taken now, in the order of delivery."""
        ready = sorted(self._in(READY) & self.waiting, key=lambda id_: -id_ if self.places[id_].front else id_)
        return ready + self.fresh

    @property
    def lowest_unsettled(self):
        """Of those that have not left the log."""
        unsettled = {id_ for id_ in self.waiting | self.held if id_ >= self.channel.floor}
        return min(unsettled, default=self.channel.head + 1)

    def attempts(self, id_):
        return self.places[id_].attempts if id_ in self.places else 0

    #  Steps

    def take(self, max_, lease, consumer=None, keep=True):
        """Gives out the first `max_`: [(id, attempt)]. `keep` False: done on delivery."""
        given = []
        for id_ in [] if self.paused or self.channel.paused else self.order[:max_]:
            given.append((id_, self.attempts(id_) + 1))
            if id_ in self.places:
                self.passed.add(id_)
            self.cursor = max(self.cursor, id_ if id_ not in self.places else 0)
            if keep:
                self.places[id_] = Place(HELD, given[-1][1], lease)
            else:
                self._settle(id_)
        if given and keep:
            self.leases[lease] = (consumer, [id_ for id_, _ in given])
            self.channel.newest_lease = lease
        self.passed = {id_ for id_ in self.passed if id_ > self.cursor}
        return given

    def _settle(self, id_):
        self.places.pop(id_, None)
        self.copied.discard(id_)

    def _bury(self, id_, reason):
        if self._is_gone(id_):
            return self._settle(id_)
        self.places[id_] = Place(DEAD, self.attempts(id_))
        self.reasons[id_] = reason
        self.copied.add(id_)
        return None

    def _give_back(self, id_, reason, state=READY, lease=0):
        attempts = self.attempts(id_)
        if attempts >= self.channel.max_deliveries:
            self._bury(id_, reason)
        else:
            self.places[id_] = Place(state, attempts, lease)

    def judge(self, id_, lease):
        place = self.places.get(id_)
        if place:
            return "done" if place.state != DEAD and place.lease == lease and lease else "stale"
        known = id_ <= self.channel.head and lease <= self.channel.newest_lease
        return "stale" if not known or id_ in self.fresh else "already"

    def settle(self, op, pairs, reason=None, delayed=False):
        """ack, nack, touch, bury of [(id, lease)]: {done, already, stale}: ids."""
        result = {"done": [], "already": [], "stale": []}
        for id_, lease in pairs:
            verdict = self.judge(id_, lease)
            if verdict == "done" and op != "ack" and self.places[id_].state != HELD:    #  only an ack may be late
                verdict = "stale"
            if verdict == "done" and op == "ack":
                self._settle(id_)
            elif verdict == "done" and op == "nack":
                self._give_back(id_, reason or "nack", LATER if delayed else READY)
            elif verdict == "done" and op == "bury":
                self._bury(id_, reason or "bury")
            result[verdict].append(id_)
        return result

    def lapse(self, lease):
        """The lease has run out."""
        for id_ in self.holding(lease):
            self._give_back(id_, "lease ran out", lease=lease)

    def holding(self, lease):
        return [id_ for id_ in self.held if self.places[id_].lease == lease]

    def release(self, consumer):
        ids = [id_ for id_ in self.held if self.leases[self.places[id_].lease][0] == consumer]
        for id_ in ids:
            self.places[id_] = Place(READY, self.attempts(id_) - 1)
        return len(ids)

    def due(self, ids):
        """The delays of these are over."""
        for id_ in ids:
            self.places[id_].state = READY

    def redrive(self, ids):
        redriven = self.dead & set(ids)
        for id_ in redriven:
            self.places[id_] = Place(READY)
        return len(redriven)

    def seek(self, cursor):
        self.places = {id_: place for id_, place in self.places.items() if place.state == DEAD}
        self.copied &= self.dead
        self.cursor = cursor
        self.passed = {id_ for id_ in self.dead if id_ > cursor}

    def at_risk(self, floor):
        """How many of those below a new floor are not settled."""
        return len([id_ for id_ in self.waiting | self.held if id_ < floor])

    def flush(self, floor):
        """Of what was flushed only the dead remain."""
        for id_ in [id_ for id_ in self.places if id_ < floor and id_ not in self.dead]:
            self._settle(id_)
        if floor > self.channel.head:
            self.cursor, self.passed = self.channel.head, set()
        self.cursor = max(self.cursor, floor - 1)


class Channel:
    """`acked`: the floor follows what all groups have settled, by and by; `floor` is where it will be."""

    def __init__(self, max_deliveries=10, acked=False):
        self.max_deliveries, self.acked = max_deliveries, acked
        self.head, self.floor, self.paused = 0, 1, False
        self.newest_lease = 0
        self.payloads, self.groups = {}, {}
        self.expired = set()        #  before anybody got them

    def publish(self, payloads, front=False, expired=False):
        ids = list(range(self.head + 1, self.head + 1 + len(payloads)))
        self.payloads.update(zip(ids, payloads))
        self.head += len(ids)
        self.expired.update(ids if expired else ())
        for group in self.groups.values() if front and not expired else ():
            group.places.update({id_: Place(READY, front=True) for id_ in ids})
            group.passed.update(ids)
        return ids

    def group(self, name, start=None):
        """The group, made at `start` (the id to be delivered first) unless it is there."""
        if name not in self.groups:
            self.groups[name] = Group(self, self.cursor_at(start))
        return self.groups[name]

    def cursor_at(self, start):
        return max(self.floor, min(start or 0, self.head + 1)) - 1

    def flush(self, floor, force):
        """Returns (flushed, at_risk); changes nothing where something is at risk, but with `force`."""
        floor = min(floor, self.head + 1)
        if floor <= min(self.floor, self.head):
            return 0, {}
        risks = {name: group.at_risk(floor) for name, group in self.groups.items() if group.at_risk(floor)}
        if risks and not force:
            return 0, risks
        for group in self.groups.values():
            group.flush(floor)
        flushed, self.floor = self.count - len(self.stored_from(floor)), floor
        return flushed, risks

    def stored_from(self, id_):
        return [other for other in range(id_, self.head + 1) if other not in self.expired]

    @property
    def count(self):
        return len(self.stored_from(self.floor))

    def follow(self):
        """With `acked`: the floor follows."""
        if self.acked and self.groups:
            self.floor = max(self.floor, min(group.lowest_unsettled for group in self.groups.values()))

    def status(self):
        return {"head": self.head, "floor": self.floor, "count": self.count, "paused": self.paused,
                "delayed": 0, "groups": {name: {"waiting": len(group.waiting), "leased": len(group.held),
                                                "dead": len(group.dead)} for name, group in self.groups.items()}}
