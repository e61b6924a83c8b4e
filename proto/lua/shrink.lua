-- shrink: raises a channel's floor by as many members as max_bytes demands, a step at a time.
--
-- KEYS    1 meta
-- ARGV    1 max_bytes   2 members and 3 bytes to read at most, by the average member
-- Result  {raised, left}: 1 when the floor was; 1 when more is to be done, once free.lua has removed what lies below
-- Keeps   KEYSPACE.md 5, 6: `bytes` is what the log holds, so it is that of the retained members when none lies below
--         the floor. Only then does a step look; it ends when one member less would have been enough.
local log, max_bytes = string.sub(KEYS[1], 1, -5) .. 'log', tonumber(ARGV[1])
local meta = redis.call('HMGET', KEYS[1], 'head', 'floor', 'bytes')
local head, floor, bytes = meta[1] or '0', tonumber(meta[2]) or 1, tonumber(meta[3]) or 0
if bytes <= max_bytes then
    return {0, 0}
end
if redis.call('ZCOUNT', log, '-inf', string.format('(%.0f', floor)) > 0 then
    return {0, 1}
end
local chunk = math.floor(math.max(1, math.min(ARGV[2], ARGV[3] * redis.call('ZCARD', log) / bytes)))
local rows = redis.call('ZRANGEBYSCORE', log, '-inf', head, 'WITHSCORES', 'LIMIT', 0, chunk)
local to = floor
for i = 1, #rows, 2 do
    if bytes > max_bytes then
        bytes, to = bytes - #rows[i], rows[i + 1] + 1
    end
end
redis.call('HDEL', KEYS[1], '') -- KEYSPACE.md 14
if #rows == 0 then
    redis.call('HSET', KEYS[1], 'bytes', 0)
else
    redis.call('HSET', KEYS[1], 'floor', string.format('%.0f', to))
end
return {to > floor and 1 or 0, bytes > max_bytes and #rows == 2 * chunk and 1 or 0}
