-- ack: settles as worked. channel.lua, state.lua, ack_lease.lua, writes.lua, leases.lua, keep.lua, runs.lua,
-- present.lua, judge.lua and settle.lua stand before it.
--
-- KEYS    1 meta
-- ARGV    1 group   2… one lease's number, or id, lease; id, lease …
-- Result  {done, already, stale}, each of runs, flat: first, last; first, last …
-- Keeps   KEYSPACE.md, Groups: who settles has the lease, or had it when it ran out and nobody has the id since.
local letters = redis.call('EXISTS', key('letters')) == 1
local function drop_letters(runs)
    if letters then
        each(runs, function (id)
            put('HDEL letters', text(id))
        end)
    end
end

return settle(2, function (lease, kept, given)
    drop_letters(given)
    keep(lease, kept)
end, function (lease, kept, given)
    drop_letters(given)
    for _, run in ipairs(given) do
        redis.call('ZREMRANGEBYSCORE', key('returned'), run[1], run[2])
    end
    each(given, function (id)
        put('ZREM ready', text(id))
        put('ZREM later', text(id))
    end)
    lease.lapsed = kept
    write_lease(lease)
end)
