-- void_below: takes from a group what it has leased and what was given back of ids below one. No step of its own: it
-- stands behind void.lua in those that need it.
--
-- count_held_below(group, to)   how many ids below `to` are leased
-- void_below(group, to)         the group goes on at `to` at the earliest; leases that reach across are cut
--
-- The runs that begin below `to`, as recorded: of each first, last, lease, and the row.
local function held_below(group, to)
    local held, runs = base .. 'held:' .. group, {}
    local rows = redis.call('ZRANGEBYSCORE', held, '-inf', '(' .. text(to))
    rows[#rows + 1] = redis.call('ZRANGEBYSCORE', held, text(to), '+inf', 'LIMIT', 0, 1)[1]
    for _, row in ipairs(rows) do
        local first, last, lease = string.match(row, '^(%d+) (%d+) (%d+)$')
        if tonumber(first) < to then
            runs[#runs + 1] = {first = tonumber(first), last = tonumber(last), lease = lease, row = row}
        end
    end
    return runs
end

local function count_held_below(group, to)
    local count = 0
    for _, run in ipairs(held_below(group, to)) do
        count = count + math.min(run.last, to - 1) - run.first + 1
    end
    return count
end

-- The lease no longer covers ids below `to`. Returns how many it did.
local function cut_lease(group, lease, to)
    local front, window, consumer, runs = string.match(redis.call('HGET', base .. 'leases:' .. group, lease) or '',
        '^(%d+ %d+ (%d) ([^ ]+) )(.*)$')
    local kept, cut, load = {}, 0, base .. 'load:' .. group
    for first, last, attempt in string.gmatch(runs or '', '(%d+)-(%d+)%*(%d+)') do
        if tonumber(last) >= to then
            kept[#kept + 1] = text(math.max(first, to)) .. '-' .. last .. '*' .. attempt
        end
        cut = cut + math.max(0, math.min(last, to - 1) - first + 1)
    end
    if #kept > 0 then
        redis.call('HSET', base .. 'leases:' .. group, lease, front .. table.concat(kept, ','))
    elseif front then
        redis.call('HDEL', base .. 'leases:' .. group, lease)
        redis.call('ZREM', base .. 'deadlines:' .. group, lease)
        redis.call('ZREM', base .. 'of:' .. group, consumer .. ' ' .. lease)
    end
    if window == '1' and string.sub(front, 1, 2) ~= '0 ' then
        redis.call('HSET', load, consumer, math.max(0, (tonumber(redis.call('HGET', load, consumer)) or 0) - cut))
        announce(group)
    end
end

local function void_below(group, to)
    local key, below, leases = base .. 'group:' .. group, '(' .. text(to), {}
    local fields = redis.call('HMGET', key, 'cursor', 'leased')
    redis.call('HSET', key, 'cursor', text(math.max(tonumber(fields[1]) or 0, to - 1)),
        'leased', (tonumber(fields[2]) or 0) - count_held_below(group, to))
    for _, run in ipairs(held_below(group, to)) do
        redis.call('ZREM', base .. 'held:' .. group, run.row)
        leases[run.lease] = true
        if run.last >= to then
            redis.call('ZADD', base .. 'held:' .. group, text(run.last), text(to) .. string.match(run.row, ' .*$'))
        end
    end
    for _, row in ipairs(redis.call('ZRANGEBYSCORE', base .. 'returned:' .. group, '-inf', below)) do
        local id, lease = string.match(row, '^(%d+) %d+ (%d+)$')
        redis.call('ZREM', base .. 'later:' .. group, id)
        leases[lease] = true
    end
    for lease in pairs(leases) do
        cut_lease(group, lease, to)
    end
    redis.call('ZREMRANGEBYSCORE', base .. 'returned:' .. group, '-inf', below)
    redis.call('ZREMRANGEBYSCORE', base .. 'ahead:' .. group, '-inf', below)
    redis.call('ZREMRANGEBYSCORE', base .. 'ready:' .. group, '(-' .. text(to), below)
    forget_redriven(group, to)
end

