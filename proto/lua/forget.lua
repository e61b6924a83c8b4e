-- forget: removes msg_ids of messages that are flushed and older than a repeat may be.
--
-- KEYS    1 ids   2 meta   3 log   4 marks
-- ARGV    1 dedupe_ms   2 msg_ids to remove at most
-- Result  {removed, left}: 1 when more can be removed
-- Keeps   KEYSPACE.md 10: a msg_id stays as long as its message is retained, and at least dedupe_ms. Those below 0 are
--         of messages that wait: they stay, but for what a flush has dropped.
local meta = redis.call('HMGET', KEYS[2], 'floor', 'time', 'head', 'dropped')
local floor, dedupe_ms = tonumber(meta[1]) or 1, tonumber(ARGV[1])
local below = '(' .. string.format('%.0f', floor)

local serial, dropped_ms = string.match(meta[4] or '', '^(%d+) (%d+)$')
if not serial and redis.call('ZCOUNT', KEYS[1], 0, below) == 0 then
    return {0, 0}
end
local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
if serial and now_ms > dropped_ms + dedupe_ms then
    local old = redis.call('ZRANGEBYSCORE', KEYS[1], '-' .. serial, -1, 'WITHSCORES', 'LIMIT', 0, ARGV[2])
    if #old > 0 then
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-' .. serial, old[#old])
        return {#old / 2, 1}
    end
    redis.call('HDEL', KEYS[2], 'dropped')
end

-- What lies below the floor is no younger than the first message at or above it, or than the newest of all.
if redis.call('ZCOUNT', KEYS[1], 0, below) == 0 then
    return {0, 0}
end
local time, member = tonumber(meta[2]) or 0, redis.call('ZRANGEBYSCORE', KEYS[3], string.sub(below, 2), '+inf', 'LIMIT', 0, 1)[1]
if member then
    time = struct.unpack('>I8', member, 12)
end
if now_ms < time + dedupe_ms then
    -- Where less is retained than that, the marks tell: up to this head ids had been given by this time.
    local newest = redis.call('ZREVRANGE', KEYS[4], 0, 0, 'WITHSCORES')[2]
    if not newest or now_ms > newest + dedupe_ms / 8 then
        redis.call('ZADD', KEYS[4], 'NX', now_ms, meta[3])
    end
    local mark = redis.call('ZREVRANGEBYSCORE', KEYS[4], now_ms - dedupe_ms, '-inf', 'WITHSCORES', 'LIMIT', 0, 1)
    if #mark == 0 then
        return {0, 0}
    end
    redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', '(' .. mark[2])
    below = string.format('(%.0f', math.min(floor, mark[1] + 1))
end
local old = redis.call('ZRANGEBYSCORE', KEYS[1], 0, below, 'WITHSCORES', 'LIMIT', 0, ARGV[2])
if #old > 0 then
    redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, old[#old])
end
return {#old / 2, #old == 2 * ARGV[2] and 1 or 0}
