-- redrive: brings dead letters back to be delivered, as if they never had been. channel.lua stands before it.
--
-- KEYS    1 meta
-- ARGV    1 group   2 'all', 3 how many at most   or   2 'ids', 3… ids
-- Result  {redriven, left}: left is how many are dead now; nil when there is no such group
-- Keeps   the letters stay until they are settled, since their messages may have left the log. An ack of an earlier
--         lease is stale.
local group, ids = ARGV[1], {unpack(ARGV, 3)}
local dead, redriven = base .. 'dead:' .. group, 0
if not redis.call('ZSCORE', base .. 'groups', group) then
    return false
end
if ARGV[2] == 'all' then
    ids = redis.call('ZRANGE', dead, 0, ARGV[3] - 1)
end
for _, id in ipairs(ids) do
    if redis.call('ZSCORE', dead, id) then
        redis.call('ZADD', base .. 'returned:' .. group, id, id .. ' 0 0')
        redis.call('ZADD', base .. 'ready:' .. group, id, id)
        redis.call('ZREM', dead, id)
        redriven = redriven + 1
    end
end
if redriven > 0 then
    announce(group)
end
return {redriven, redis.call('ZCARD', dead)}
