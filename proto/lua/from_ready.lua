-- from_ready: takes what waits in a group before the log. No step of its own: it stands behind given.lua.
--
-- from_ready(given)   false when some of it had to be left for the next time. Drops what is nowhere any more.
-- LIMIT: at most 1,000 ids at once, and letters of 4 MiB.
local function from_ready(given)
    local ids = redis.call('ZRANGE', key('ready'), 0, math.min(given.left, 1000) - 1)
    local saved = #ids > 0 and redis.call('EXISTS', key('letters')) == 1
    local lapsed, bytes, seen = {}, 0, 0
    for _, id in ipairs(ids) do
        local returned = redis.call('ZRANGEBYSCORE', key('returned'), id, id)[1]
        local attempts, lease = string.match(returned or '', ' (%d+) (%d+)$')
        local letter = saved and redis.call('HGET', key('letters'), id)
        seen = seen + 1
        put('ZREM ready', id)
        if returned then
            put('ZREM returned', returned)
            lapsed[lease] = lapsed[lease] or {}
            table.insert(lapsed[lease], tonumber(id))
        end
        if letter then
            bytes = bytes + #letter
            given.letters[#given.letters + 1] = id
            given.letters[#given.letters + 1] = select(5, read_letter(letter))
        end
        if letter or (tonumber(id) >= floor and not hidden(tonumber(id))) then
            give(given, tonumber(id), tonumber(id), (attempts or 0) + 1)
        end
        if bytes >= 4194304 then
            break
        end
    end
    -- A late ack counts no longer.
    lapsed['0'] = nil
    for number, list in pairs(lapsed) do
        local lease = read_lease(number)
        if lease then
            table.sort(list)
            keep(lease, (split(lease.runs, list)))
        end
    end
    return seen == redis.call('ZCARD', key('ready'))
end

