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

-- The leases no longer cover ids below `to`.
local function cut_leases(group, numbers, to)
    local leases, ended, of = base .. 'leases:' .. group, {}, {}
    local records = redis.call('HMGET', leases, unpack(numbers))
    for i, number in ipairs(numbers) do
        local front, window, consumer, runs = string.match(records[i] or '', '^(%d+ %d+ (%d) ([^ ]+) )(.*)$')
        local kept, cut = {}, 0
        for first, last, attempt in string.gmatch(runs or '', '(%d+)-(%d+)%*(%d+)') do
            if tonumber(last) >= to then
                kept[#kept + 1] = text(math.max(first, to)) .. '-' .. last .. '*' .. attempt
            end
            cut = cut + math.max(0, math.min(last, to - 1) - first + 1)
        end
        if #kept > 0 then
            redis.call('HSET', leases, number, front .. table.concat(kept, ','))
        else
            ended[#ended + 1], of[#of + 1] = number, (consumer or '') .. ' ' .. number
        end
        if window == '1' and string.sub(front, 1, 2) ~= '0 ' then
            local load = tonumber(redis.call('HGET', base .. 'load:' .. group, consumer)) or 0
            redis.call('HSET', base .. 'load:' .. group, consumer, math.max(0, load - cut))
            announce(group)
        end
    end
    if #ended > 0 then
        redis.call('HDEL', leases, unpack(ended))
        redis.call('ZREM', base .. 'deadlines:' .. group, unpack(ended))
        redis.call('ZREM', base .. 'of:' .. group, unpack(of))
    end
end

local function void_below(group, to)
    local key, held, below = base .. 'group:' .. group, base .. 'held:' .. group, '(' .. text(to)
    local fields, known, numbers, count = redis.call('HMGET', key, 'cursor', 'leased'), {['0'] = true}, {}, 0
    local function note(number)
        if not known[number] then
            known[number], numbers[#numbers + 1] = true, number
        end
    end
    for _, run in ipairs(held_below(group, to)) do
        count = count + math.min(run.last, to - 1) - run.first + 1
        note(run.lease)
        if run.last >= to then
            redis.call('ZADD', held, text(run.last), text(to) .. string.match(run.row, ' .*$'))
            redis.call('ZREM', held, run.row)
        end
    end
    for _, row in ipairs(redis.call('ZRANGEBYSCORE', base .. 'returned:' .. group, '-inf', below)) do
        local id, number = string.match(row, '^(%d+) %d+ (%d+)$')
        redis.call('ZREM', base .. 'later:' .. group, id)
        note(number)
    end
    for i = 1, #numbers, 1000 do
        cut_leases(group, {unpack(numbers, i, math.min(i + 999, #numbers))}, to)
    end
    for _, what in ipairs({'held:', 'returned:', 'ahead:'}) do
        redis.call('ZREMRANGEBYSCORE', base .. what .. group, '-inf', below)
    end
    redis.call('ZREMRANGEBYSCORE', base .. 'ready:' .. group, '(-' .. text(to), below)
    redis.call('HSET', key, 'cursor', text(math.max(tonumber(fields[1]) or 0, to - 1)),
        'leased', (tonumber(fields[2]) or 0) - count)
    forget_redriven(group, to)
end

