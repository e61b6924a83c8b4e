-- acked: raises the floor to the lowest id that some group has not settled; for channels that retain only those.
-- channel.lua, undelivered.lua and lowest.lua stand before it.
--
-- KEYS    1 meta
-- ARGV    none
-- Result  {floor, 0}; without groups all stays
-- Keeps   KEYSPACE.md 5, 6. What is dead counts as settled: its letter holds a copy.
local meta = redis.call('HMGET', KEYS[1], 'head', 'floor')
local head, floor = tonumber(meta[1]) or 0, tonumber(meta[2]) or 1
local groups, to = redis.call('ZRANGE', base .. 'groups', 0, -1), head + 1
for _, group in ipairs(groups) do
    local cursor = tonumber(redis.call('HGET', base .. 'group:' .. group, 'cursor')) or 0
    local held = redis.call('ZRANGEBYSCORE', base .. 'held:' .. group, floor, '+inf', 'LIMIT', 0, 1)[1]
    to = math.min(to, held and string.match(held, '^%d+') or to, lowest_waiting(group, cursor, floor))
end
if #groups == 0 or to <= floor then
    return {floor, 0}
end
redis.call('HDEL', KEYS[1], '') -- KEYSPACE.md 14
redis.call('HSET', KEYS[1], 'floor', text(to))
return {to, 0}
