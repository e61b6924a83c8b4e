-- expire: removes some messages whose time is over. timers.lua stands before it.
--
-- KEYS    1 meta
-- ARGV    1 messages at most   2 bytes of members to read at most, the last one's may be more
-- Result  {changed, left}: messages looked after; 1 when more are due
-- Keeps   KEYSPACE.md 4-6, 12: a member of one envelope goes; of several the others stay, and the row in gaps hides this
--         one. Rows of neighbours are joined. What lies below the floor is left to free.lua.
local base = string.sub(KEYS[1], 1, -5)
local log, gaps, ttl, expiring = base .. 'log', base .. 'gaps', base .. 'ttl', base .. 'expiring'
local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local meta = redis.call('HMGET', KEYS[1], 'floor', 'bytes')
local floor, bytes = tonumber(meta[1]) or 1, tonumber(meta[2]) or 0

-- Adds first … last to the gaps, as one row with what stands beside it.
local function tell(first, last)
    for _, row in ipairs({redis.call('ZRANGEBYSCORE', gaps, first - 1, first - 1)[1] or '',
        redis.call('ZRANGEBYSCORE', gaps, '(' .. string.format('%.0f', last), '+inf', 'LIMIT', 0, 1)[1] or ''}) do
        local from, to = string.match(row, '^(%d+) (%d+) expired$')
        from, to = tonumber(from), tonumber(to)
        if from and from <= last + 1 and to >= first - 1 then
            first, last = math.min(first, from), math.max(last, to)
        end
    end
    redis.call('ZREMRANGEBYSCORE', gaps, first, last)
    redis.call('ZADD', gaps, last, string.format('%.0f %.0f expired', first, last))
end

local ids, read = {}, 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', expiring, '-inf', now_ms, 'LIMIT', 0, ARGV[1])) do
    if read > tonumber(ARGV[2]) then
        break
    end
    ids[#ids + 1] = tonumber(id)
    local member = ids[#ids] >= floor and redis.call('ZRANGEBYSCORE', log, id, id)[1]
    if member then
        read = read + #member
        if struct.unpack('>I8', member, 3) == ids[#ids] then
            redis.call('ZREMRANGEBYSCORE', log, id, id)
            bytes = bytes - #member
        end
    end
end
table.sort(ids)

local first
for i, id in ipairs(ids) do
    first = first or id
    if ids[i + 1] ~= id + 1 then
        if id >= floor then
            tell(math.max(first, floor), id)
        end
        redis.call('ZREMRANGEBYSCORE', ttl, first, id)
        first = nil
    end
    redis.call('ZREM', expiring, string.format('%.0f', id))
end
if #ids > 0 then
    redis.call('HSET', KEYS[1], 'bytes', string.format('%.0f', bytes))
end
local next = tonumber(redis.call('ZRANGE', expiring, 0, 0, 'WITHSCORES')[2])
timer_set('ttl', next)
return {#ids, next and next <= now_ms and 1 or 0}
