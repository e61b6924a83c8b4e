-- waiting: what waits in a group. No step of its own: it stands behind undelivered.lua in those that need it.
--
-- count_waiting(group, cursor, first, last) how many ids from first to last wait: not handed out yet, given back, or come
--                                           with front
-- count_saved(group, floor)                 how many redriven ones wait that have left the log
-- lowest_waiting(group, cursor, floor)      the lowest id from floor up that waits; above the head when there is none
local function count_waiting(group, cursor, first, last)
    local ahead, from = base .. 'ahead:' .. group, math.max(first, cursor + 1)
    local aside = redis.call('ZCOUNT', ahead, from, last)
    local count = math.max(0, last - from + 1) - aside
    for _, gap in ipairs(from <= last and redis.call('ZRANGEBYSCORE', base .. 'gaps', from, '+inf') or {}) do
        local low, high = string.match(gap, '^(%d+) (%d+)')
        low, high = math.max(low, from), math.min(high, last)
        if low <= high then
            count = count - (high - low + 1) + (aside > 0 and redis.call('ZCOUNT', ahead, low, high) or 0)
        end
    end
    return count + redis.call('ZCOUNT', base .. 'returned:' .. group, first, last) +
        redis.call('ZCOUNT', base .. 'ready:' .. group, -last, -first)
end

local function count_saved(group, floor)
    local letters, count = base .. 'letters:' .. group, 0
    if redis.call('HLEN', letters) > redis.call('ZCARD', base .. 'dead:' .. group) then
        for _, row in ipairs(redis.call('ZRANGEBYSCORE', base .. 'returned:' .. group, '-inf', '(' .. text(floor))) do
            count = count + redis.call('HEXISTS', letters, string.match(row, '^%d+'))
        end
    end
    return count
end

local function lowest_waiting(group, cursor, floor)
    local low = next_undelivered(group, math.max(cursor + 1, floor))
    local back = redis.call('ZRANGEBYSCORE', base .. 'returned:' .. group, floor, '+inf', 'LIMIT', 0, 1)[1]
    local front = redis.call('ZREVRANGEBYSCORE', base .. 'ready:' .. group, -floor, '-inf', 'LIMIT', 0, 1)[1]
    return math.min(low, back and string.match(back, '^%d+') or low, front or low)
end

