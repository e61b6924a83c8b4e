-- from_ready: takes what waits in a group before the log. No step of its own: it stands behind given.lua.
--
-- from_ready(given)   false when some of it had to be left for the next time. Drops what is nowhere any more.
-- LIMIT: at most 1,000 ids at once, and letters of 4 MiB.

-- Of ids in ready the rows of returned, by id.
local function rows_of(ids)
    local rows, low, high = {}, math.huge, 0
    for _, id in ipairs(ids) do
        low, high = math.min(low, id), math.max(high, id)
    end
    for _, row in ipairs(redis.call('ZRANGEBYSCORE', key('returned'), low, high, 'LIMIT', 0, 2 * #ids)) do
        rows[string.match(row, '^%d+')] = row
    end
    return rows
end

-- The leases that ran out on these ids have no right on them any more: a late ack counts no longer.
local function forfeit(lapsed)
    local numbers = {}
    for number in pairs(lapsed) do
        numbers[#numbers + 1] = number
    end
    for i, lease in ipairs(read_leases(numbers)) do
        if lease then
            table.sort(lapsed[numbers[i]])
            lease.lapsed = split(lease.lapsed, lapsed[numbers[i]])
            write_lease(lease)
        end
    end
end

local function from_ready(given)
    local ids = redis.call('ZRANGE', key('ready'), 0, math.min(given.left, 1000) - 1)
    local rows, lapsed, bytes, seen = #ids > 0 and rows_of(ids), {}, 0, 0
    local saved = #ids > 0 and redis.call('EXISTS', key('letters')) == 1
    for _, id in ipairs(ids) do
        local row = rows[id] or redis.call('ZRANGEBYSCORE', key('returned'), id, id)[1]
        local attempts, lease = string.match(row or '', ' (%d+) (%d+)$')
        local letter = saved and redis.call('HGET', key('letters'), id)
        seen = seen + 1
        put('ZREM ready', id)
        if row then
            put('ZREM returned', row)
            lapsed[lease] = lapsed[lease] or {}
            table.insert(lapsed[lease], tonumber(id))
        end
        if letter then
            bytes = bytes + #letter
            table.insert(given.letters, id)
            table.insert(given.letters, (select(5, read_letter(letter))))
        end
        if letter or (tonumber(id) >= floor and not hidden(tonumber(id))) then
            give(given, tonumber(id), tonumber(id), (attempts or 0) + 1)
        end
        if bytes >= 4194304 then
            break
        end
    end
    lapsed['0'] = nil
    forfeit(lapsed)
    return seen == redis.call('ZCARD', key('ready'))
end

