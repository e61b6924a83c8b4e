-- ack: settles as worked. channel.lua, state.lua, leases.lua, runs.lua and settle.lua stand before it.
--
-- KEYS    1 meta
-- ARGV    1 group   2… one lease's number, or id, lease; id, lease …
-- Result  {done, already, stale}, each of runs, flat: first, last; first, last …
-- Keeps   KEYSPACE.md, Groups: who settles has the lease, or had it when it ran out and nobody has the id since.
return settle(2, function (lease, kept, given)
    local letters = redis.call('EXISTS', key('letters')) == 1
    if lease.deadline == 0 or letters then
        each(given, function (id)
            if letters then
                put('HDEL letters', text(id))
            end
            if lease.deadline == 0 then
                put('ZREM ready', text(id))
                put('ZREM later', text(id))
            end
        end)
    end
    for _, run in ipairs(lease.deadline == 0 and given or {}) do
        redis.call('ZREMRANGEBYSCORE', key('returned'), run[1], run[2])
    end
    keep(lease, kept)
    return true
end)
