-- expire: removes some messages whose time is over. timers.lua and lost.lua stand before it.
--
-- KEYS    1 meta
-- ARGV    1 messages at most   2 bytes to read at most, by the average member
-- Result  {changed, left}: messages looked after; 1 when more are due
-- Keeps   KEYSPACE.md 4-6, 12: a row in gaps hides them, and members of which nothing is left to see are removed; rows
--         of neighbours are joined. What lies below the floor is left to free.lua.
local base, now = string.sub(KEYS[1], 1, -5), redis.call('TIME')
local log, gaps, ttl, expiring = base .. 'log', base .. 'gaps', base .. 'ttl', base .. 'expiring'
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local meta = redis.call('HMGET', KEYS[1], 'floor', 'bytes', 'head', 'jumped')
local floor, bytes, head = tonumber(meta[1]) or 1, tonumber(meta[2]) or 0, tonumber(meta[3]) or 0
local most = math.floor(math.max(1, math.min(ARGV[1], ARGV[2] * redis.call('ZCARD', log) / (bytes + 1))))

-- Adds first … last to the gaps, as one row with what stands beside it, and removes what lies wholly there.
local function remove(first, last)
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
    local members = redis.call('ZRANGEBYSCORE', log, first, last, 'WITHSCORES')
    for i = 1, #members, 2 do
        if #members[i] > 10 and struct.unpack('>I8', members[i], 3) >= math.max(first, floor) then
            redis.call('ZREMRANGEBYSCORE', log, members[i + 1], members[i + 1])
            bytes = bytes - #members[i]
        end
    end
end

local due, ids = redis.call('ZRANGEBYSCORE', expiring, '-inf', now_ms, 'LIMIT', 0, most), {}
for _, id in ipairs(due) do
    local number = tonumber(id)
    --  A torn transaction may also have brought it back to `expiring` alone.
    if number >= floor and not is_lost(number, head, meta[4]) and redis.call('ZCOUNT', ttl, id, id) > 0 then
        ids[#ids + 1] = number
    end
end
table.sort(ids)
local first
for i, id in ipairs(ids) do
    first = first or id
    if ids[i + 1] ~= id + 1 then
        remove(first, id)
        first = nil
    end
end
for _, id in ipairs(due) do
    redis.call('ZREMRANGEBYSCORE', ttl, id, id)
    redis.call('ZREM', expiring, id)
end
if #ids > 0 then
    redis.call('HSET', KEYS[1], 'bytes', bytes)
end
local next = tonumber(redis.call('ZRANGE', expiring, 0, 0, 'WITHSCORES')[2])
timer_set('ttl', next)
return {#due, next and next <= now_ms and 1 or 0}
