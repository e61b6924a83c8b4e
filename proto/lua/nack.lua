-- nack: gives back, to be delivered again. channel.lua, timers.lua, skip.lua, state.lua, leases.lua, keep.lua,
-- runs.lua, present.lua, letter.lua, death.lua, give_back.lua, judge.lua and settle.lua stand before it.
--
-- KEYS    1 meta
-- ARGV    1 group   2 delay_ms   3 reason, '': none   4 max_deliveries: dead instead after so many, '0': never
--         5… one lease's number, or id, lease; id, lease …
-- Result  {done, already, stale}, each of runs, flat: first, last; first, last …
-- Keeps   KEYSPACE.md, Groups.
local delay = tonumber(ARGV[2])
local how = {most = tonumber(ARGV[4]), reason = ARGV[3] == '' and 'nack' or ARGV[3],
    due = delay > 0 and now_ms() + delay or nil}
return settle(5, function (lease, kept, given)
    give_back(lease, given, how)
    keep(lease, kept)
end)
