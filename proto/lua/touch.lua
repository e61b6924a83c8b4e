-- touch: extends leases, counted from now. channel.lua, timers.lua, state.lua, leases.lua, runs.lua, present.lua,
-- judge.lua and settle.lua stand before it.
--
-- KEYS    1 meta
-- ARGV    1 group   2 lease_ms   3… one lease's number, or id, lease; id, lease …
-- Result  {done, already, stale, deadline_ms}: the first three of runs, flat: first, last; …; deadline_ms 0: none is
-- Keeps   KEYSPACE.md, Groups. A lease has one deadline: who extends it for one of its ids does so for all.
local deadline, touched = now_ms() + ARGV[2], false
local result = settle(3, function (lease, _, given)
    if #given > 0 then
        lease.deadline, touched = deadline, true
        write_lease(lease)
        put('ZADD deadlines', deadline, lease.number)
    end
end)
if touched then
    timer_at('group ' .. group, deadline)
end
result[4] = touched and deadline or 0
return result
