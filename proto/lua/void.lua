-- void: takes from a group all that it has leased and all that was given back. No step of its own: it stands behind
-- channel.lua in those that need it. What is dead stays dead.
--
-- forget_redriven(group, to)   letters of ids below `to` that are not dead any more
-- void(group, cursor)          the group goes on behind `cursor`
local function forget_redriven(group, to)
    local dead, letters = base .. 'dead:' .. group, base .. 'letters:' .. group
    if redis.call('HLEN', letters) > redis.call('ZCARD', dead) then
        for _, id in ipairs(redis.call('HKEYS', letters)) do
            if tonumber(id) < to and not redis.call('ZSCORE', dead, id) then
                redis.call('HDEL', letters, id)
            end
        end
    end
end

local function void(group, cursor)
    for _, what in ipairs({'ready:', 'later:', 'returned:', 'ahead:', 'leases:', 'deadlines:', 'held:', 'of:', 'load:'}) do
        redis.call('UNLINK', base .. what .. group)
    end
    redis.call('HSET', base .. 'group:' .. group, 'cursor', text(cursor), 'leased', 0)
    redis.call('ZREM', base .. 'timers', 'group ' .. group)
    forget_redriven(group, math.huge)
    -- Dead ones that now lie above the cursor are not delivered but by redrive.
    for _, id in ipairs(redis.call('ZRANGE', base .. 'dead:' .. group, 0, -1)) do
        if tonumber(id) > cursor then
            redis.call('ZADD', base .. 'ahead:' .. group, id, id)
        end
    end
end

