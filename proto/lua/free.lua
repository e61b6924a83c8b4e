-- free: removes some members, and rows of gaps, that lie below the floor.
--
-- KEYS    1 log   2 meta   3 gaps
-- ARGV    1 members, and rows, at most   2 bytes to read at most, by the average member
-- Result  {freed, left}: members removed; 1 when more lie below the floor
-- Keeps   KEYSPACE.md 5, 6: a member goes when its last id is below the floor; `bytes` is what the log holds.
local meta = redis.call('HMGET', KEYS[2], 'floor', 'bytes')
local floor, bytes = tonumber(meta[1]) or 1, tonumber(meta[2]) or 0
local members = redis.call('ZCARD', KEYS[1])
local chunk = math.floor(math.max(1, math.min(ARGV[1], ARGV[2] * members / (bytes + 1))))
local below = '(' .. string.format('%.0f', floor)
local rows = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', below, 'WITHSCORES', 'LIMIT', 0, ARGV[1])
if #rows > 0 then
    redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', rows[#rows])
end
local left = #rows == 2 * ARGV[1]
local freed, freed_bytes = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', below, 'LIMIT', 0, chunk), 0
if #freed == 0 then
    return {0, left and 1 or 0}
end
for i = 1, #freed do
    freed_bytes = freed_bytes + #freed[i]
end
-- Not by rank: the AOF may run this twice (KEYSPACE.md 12).
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', redis.call('ZSCORE', KEYS[1], freed[#freed]))
redis.call('HSET', KEYS[2], 'bytes', bytes - freed_bytes)
return {#freed, (left or #freed == chunk) and 1 or 0}
