-- void: takes from a group all that it has leased and all that was given back. No step of its own: it stands behind
-- channel.lua in those that need it. What is dead stays dead.
--
-- forget_redriven(group, to)   letters of ids below `to` that are not dead any more
-- void(group, cursor)          the group goes on behind `cursor`
local function forget_redriven(group, to)
    local dead, letters = base .. 'dead:' .. group, base .. 'letters:' .. group
    local ids = redis.call('HLEN', letters) > redis.call('ZCARD', dead) and redis.call('HKEYS', letters) or {}
    for i = 1, #ids, 1000 do
        local some = {unpack(ids, i, math.min(i + 999, #ids))}
        for j, died_ms in ipairs(redis.call('ZMSCORE', dead, unpack(some))) do
            if not died_ms and tonumber(some[j]) < to then
                redis.call('HDEL', letters, some[j])
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
    local ids, above = redis.call('ZRANGE', base .. 'dead:' .. group, 0, -1), {}
    for i, id in ipairs(ids) do
        if tonumber(id) > cursor then
            above[#above + 1], above[#above + 2] = id, id
        end
        if #above > 0 and (#above >= 2000 or i == #ids) then
            redis.call('ZADD', base .. 'ahead:' .. group, unpack(above))
            above = {}
        end
    end
end

