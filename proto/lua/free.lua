-- free: removes some members, rows of gaps, and deadlines, that lie below the floor.
--
-- KEYS    1 log   2 meta   3 gaps
-- ARGV    1 members, rows, and deadlines, at most   2 bytes to read at most, by the average member
-- Result  {freed, left}: members removed; 1 when more lie below the floor
-- Keeps   KEYSPACE.md 5, 6: a member goes when its last id is below the floor; `bytes` is what the log holds.
local meta, base = redis.call('HMGET', KEYS[2], 'floor', 'bytes'), string.sub(KEYS[2], 1, -5)
local floor, bytes = tonumber(meta[1]) or 1, tonumber(meta[2]) or 0
local members = redis.call('ZCARD', KEYS[1])
local chunk = math.floor(math.max(1, math.min(ARGV[1], ARGV[2] * members / (bytes + 1))))
local below = '(' .. string.format('%.0f', floor)

-- Not by rank: the AOF may run this twice (KEYSPACE.md 12).
local rows = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', below, 'WITHSCORES', 'LIMIT', 0, ARGV[1])
if #rows > 0 then
    redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', rows[#rows])
end
local deadlines = redis.call('ZRANGEBYSCORE', base .. 'ttl', '-inf', below, 'WITHSCORES', 'LIMIT', 0, ARGV[1])
for i = 2, #deadlines, 2 do
    redis.call('ZREM', base .. 'expiring', deadlines[i])
end
if #deadlines > 0 then
    redis.call('ZREMRANGEBYSCORE', base .. 'ttl', '-inf', deadlines[#deadlines])
end
local left = math.max(#rows, #deadlines) == 2 * ARGV[1]

local freed, freed_bytes = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', below, 'LIMIT', 0, chunk), 0
for i = 1, #freed do
    freed_bytes = freed_bytes + #freed[i]
end
if #freed > 0 then
    redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', redis.call('ZSCORE', KEYS[1], freed[#freed]))
    redis.call('HSET', KEYS[2], 'bytes', bytes - freed_bytes)
    left = left or #freed == chunk
end
return {#freed, left and 1 or 0}
