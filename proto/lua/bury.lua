-- bury: puts among the dead letters. channel.lua, skip.lua, state.lua, leases.lua, keep.lua, runs.lua, present.lua,
-- letter.lua, death.lua, judge.lua and settle.lua stand before it.
--
-- KEYS    1 meta
-- ARGV    1 group   2 reason, '': none   3… one lease's number, or id, lease; id, lease …
-- Result  {done, already, stale}, each of runs, flat: first, last; first, last …
-- Keeps   KEYSPACE.md, Groups.
local reason = ARGV[2] == '' and 'bury' or ARGV[2]
return settle(3, function (lease, kept, given)
    each(given, function (id, attempts)
        die(id, attempts, lease, reason)
    end)
    keep(lease, kept)
end)
