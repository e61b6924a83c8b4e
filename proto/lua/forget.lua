-- forget: removes msg_ids of messages that are flushed and older than a repeat may be.
--
-- KEYS    1 ids   2 meta   3 log
-- ARGV    1 dedupe_ms   2 msg_ids to remove at most
-- Result  {removed, left}: 1 when more can be removed
-- Keeps   KEYSPACE.md 10: a msg_id stays as long as its message is retained, and at least dedupe_ms.
local meta = redis.call('HMGET', KEYS[2], 'floor', 'time')
local below = '(' .. string.format('%.0f', tonumber(meta[1]) or 1)
if redis.call('ZCOUNT', KEYS[1], '-inf', below) == 0 then
    return {0, 0}
end
-- What lies below the floor is no younger than the first message at or above it, or than the newest of all.
local time, member = tonumber(meta[2]) or 0, redis.call('ZRANGEBYSCORE', KEYS[3], string.sub(below, 2), '+inf', 'LIMIT', 0, 1)[1]
if member then
    time = struct.unpack('>I8', member, 12)
end
if redis.call('TIME')[1] * 1000 < time + ARGV[1] then
    return {0, 0}
end
local old = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', below, 'LIMIT', 0, ARGV[2])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, #old - 1)
return {#old, #old == tonumber(ARGV[2]) and 1 or 0}
