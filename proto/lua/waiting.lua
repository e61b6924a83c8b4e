-- waiting: what waits in a group. No step of its own: it stands behind undelivered.lua in those that need it.
--
-- count_waiting(group, cursor, first, last) how many ids from first to last wait: not handed out yet, given back, or come
--                                           with front
-- count_saved(group, floor)                 how many redriven ones wait that have left the log
local function is_redriven(group)
    return redis.call('HLEN', base .. 'letters:' .. group) > redis.call('ZCARD', base .. 'dead:' .. group)
end

-- How many ids from first to last were given back, or came with front, and have no letter.
local function count_back(group, first, last)
    local count = redis.call('ZCOUNT', base .. 'ready:' .. group, -last, -first)
    if not is_redriven(group) then
        return count + redis.call('ZCOUNT', base .. 'returned:' .. group, first, last)
    end
    for _, row in ipairs(redis.call('ZRANGEBYSCORE', base .. 'returned:' .. group, first, last)) do
        count = count + 1 - redis.call('HEXISTS', base .. 'letters:' .. group, string.match(row, '^%d+'))
    end
    return count
end

-- LIMIT: looks at all gaps in between.
local function count_waiting(group, cursor, first, last)
    local ahead, from = base .. 'ahead:' .. group, math.max(first, cursor + 1)
    local aside = redis.call('ZCOUNT', ahead, from, last)
    local back = redis.call('ZCOUNT', base .. 'returned:' .. group, first, last) +
        redis.call('ZCOUNT', base .. 'ready:' .. group, -last, -first)
    local count = math.max(0, last - from + 1) - aside + back
    local gaps = redis.call('ZRANGEBYSCORE', base .. 'gaps', back > 0 and first or from, '+inf')
    for _, gap in ipairs(gaps) do
        local low, high = string.match(gap, '^(%d+) (%d+)')
        high = math.min(high, last)
        if back > 0 and math.max(low, first) <= high then
            count = count - count_back(group, math.max(low, first), high)
        end
        low = math.max(low, from)
        if low <= high then
            count = count - (high - low + 1) + (aside > 0 and redis.call('ZCOUNT', ahead, low, high) or 0)
        end
    end
    return count
end

local function count_saved(group, floor)
    local letters, count = base .. 'letters:' .. group, 0
    if is_redriven(group) then
        for _, row in ipairs(redis.call('ZRANGEBYSCORE', base .. 'returned:' .. group, '-inf', '(' .. text(floor))) do
            count = count + redis.call('HEXISTS', letters, string.match(row, '^%d+'))
        end
    end
    return count
end
