-- waiting: what waits in a group. No step of its own: it stands behind undelivered.lua in those that need it.
--
-- count_waiting(group, cursor, first, last) how many ids from first to last wait: not handed out yet, given back, or come
--                                           with front
-- count_saved(group, floor)                 how many redriven ones wait that have left the log
-- is_saved(group, id)                       has a letter a copy of its message?
-- What is in a gap waits no more, though it may still stand in ready and returned, unless a letter has a copy of it.
local function is_saved(group, id)
    return redis.call('HEXISTS', base .. 'letters:' .. group, id) == 1
end

-- How many of the rows of `returned` from first to last, which are in a gap, are of messages that are no more.
local function count_expired(group, first, last)
    local count = 0
    for _, row in ipairs(redis.call('ZRANGEBYSCORE', base .. 'returned:' .. group, first, last)) do
        count = count + (is_saved(group, string.match(row, '^%d+')) and 0 or 1)
    end
    return count
end

local function count_waiting(group, cursor, first, last)
    local ahead, ready, from = base .. 'ahead:' .. group, base .. 'ready:' .. group, math.max(first, cursor + 1)
    local aside, front = redis.call('ZCOUNT', ahead, from, last), redis.call('ZCOUNT', ready, -last, -first)
    local back = redis.call('ZCOUNT', base .. 'returned:' .. group, first, last)
    local count, low = math.max(0, last - from + 1) - aside + front + back, back + front > 0 and first or from
    for _, gap in ipairs(low <= last and redis.call('ZRANGEBYSCORE', base .. 'gaps', low, '+inf') or {}) do
        local begin, high = string.match(gap, '^(%d+) (%d+)')
        begin, high = math.max(begin, low), math.min(high, last)
        local fresh = math.max(begin, from)
        if fresh <= high then
            count = count - (high - fresh + 1) + (aside > 0 and redis.call('ZCOUNT', ahead, fresh, high) or 0)
        end
        if begin <= high then
            count = count - (front > 0 and redis.call('ZCOUNT', ready, -high, -begin) or 0) -
                (back > 0 and count_expired(group, begin, high) or 0)
        end
    end
    return count
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
