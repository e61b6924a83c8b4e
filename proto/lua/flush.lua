-- flush: raises a channel's floor, at once whatever the number of messages; the keeper frees them afterwards.
--
-- KEYS    1 meta   2 gaps
-- ARGV    1 before: the lowest id to keep; '+inf': flush all
-- Result  {flushed, floor}: how many messages became invisible, and the floor afterwards
-- Keeps   KEYSPACE.md 5, 6: the floor never falls and never passes head + 1.
local meta = redis.call('HMGET', KEYS[1], 'head', 'floor')
local head, floor = tonumber(meta[1]) or 0, tonumber(meta[2]) or 1
local to = math.min(ARGV[1] == '+inf' and head + 1 or tonumber(ARGV[1]), head + 1)
if to <= floor then
    return {0, floor}
end
local flushed = to - floor
for _, gap in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], floor, '+inf')) do
    local first, last = string.match(gap, '^(%d+) (%d+)')
    flushed = flushed - math.max(0, math.min(tonumber(last), to - 1) - math.max(tonumber(first), floor) + 1)
end
redis.call('HSET', KEYS[1], 'floor', to)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. string.format('%.0f', to))
return {flushed, to}
