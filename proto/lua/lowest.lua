-- lowest: what holds the floor of a channel that retains what is not settled. No step of its own: it stands behind
-- undelivered.lua and waiting.lua in those that need it.
--
-- lowest_waiting(group, cursor, floor)   the lowest id from floor up that waits; above the head when there is none
-- The lowest id from `from` up that next(from) finds and whose message is still there; nil: there is none.
local function lowest_present(group, from, next)
    for _ = 1, 1000 do
        local id = tonumber(next(from))
        local first = id and gap_at(id)
        if not first or first > id or is_saved(group, text(id)) then
            return id
        end
        from = id + 1
    end
    return from
end

local function lowest_waiting(group, cursor, floor)
    local low = next_undelivered(group, math.max(cursor + 1, floor))
    local back = lowest_present(group, floor, function(from)
        return string.match(redis.call('ZRANGEBYSCORE', base .. 'returned:' .. group, text(from), '+inf', 'LIMIT', 0, 1)[1]
            or '', '^%d+')
    end)
    local front = lowest_present(group, floor, function(from)
        return redis.call('ZREVRANGEBYSCORE', base .. 'ready:' .. group, text(-from), '-inf', 'LIMIT', 0, 1)[1]
    end)
    return math.min(low, back or low, front or low)
end
