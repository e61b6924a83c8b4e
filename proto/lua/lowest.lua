-- lowest: the oldest of what waits in a group. No step of its own: it stands behind undelivered.lua in those that need it.
--
-- lowest_waiting(group, cursor, floor)   the lowest id from floor up that waits; above the head when there is none
-- The first id from `from` on, as `next_back` finds it, whose message is there.
local function first_present(group, from, next_back)
    for _ = 1, 1000 do
        local id = tonumber(next_back(from))
        local first = id and gap_at(id)
        if not (first and first <= id) or redis.call('HEXISTS', base .. 'letters:' .. group, text(id)) == 1 then
            return id
        end
        from = id + 1
    end
    return from
end

local function lowest_waiting(group, cursor, floor)
    local low = next_undelivered(group, math.max(cursor + 1, floor))
    local back = first_present(group, floor, function (from)
        local row = redis.call('ZRANGEBYSCORE', base .. 'returned:' .. group, from, '+inf', 'LIMIT', 0, 1)[1]
        return row and string.match(row, '^%d+')
    end)
    local front = first_present(group, floor, function (from)
        return redis.call('ZREVRANGEBYSCORE', base .. 'ready:' .. group, -from, '-inf', 'LIMIT', 0, 1)[1]
    end)
    return math.min(low, back or low, front or low)
end

