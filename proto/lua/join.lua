-- join: how messages get ids and join a channel's log. No step of its own: it stands at the top of append.lua and
-- due.lua, behind timers.lua and lost.lua. KEYS[1] is any key of the channel.
--
-- key(what)                              the channel's key of that name
-- first_id(head, known, is_new, now)     the next id to give, by TIME's `now`; is_new: the epoch is not the channel's
-- stamped(envelope, id, time)            its bytes under that id and time
-- known_id(msg_id)                       the id of the message that had it; below 0: that one waits; nil: none has
-- renew(head, first, epoch)              takes the new epoch, and tells that the ids between were not given
-- wish(id, msg_id, ttl_ms, front, now_ms)   notes what a message that joins asks for; nil: nothing
-- grant()                                writes what was noted
-- Keeps   KEYSPACE.md 1-3, 7, 10, 12. renew and grant come when the log has taken the messages, and never fail.
local wishes

local function key(what)
    return string.match(KEYS[1], '^.*:{[^{}]*}:') .. what
end

-- The store may have lost its newest writes: leave a gap that nothing given before can reach, not even what an earlier
-- jump within the same second led to.
local function first_id(head, known, is_new, now)
    return (is_new and (head > 0 or known > 0) and math.max(head, known, now[1] * 1048576 + now[2]) or head) + 1
end

local function known_id(msg_id)
    local id = tonumber(redis.call('ZSCORE', key('ids'), msg_id))
    if not id or id < 0 then
        return id
    end
    local meta = redis.call('HMGET', key('meta'), 'head', 'jumped')
    return not is_lost(id, tonumber(meta[1]) or 0, meta[2]) and id or nil
end

-- An envelope begins 94 cf <id, 8 bytes> cf <time_ms, 8 bytes>.
local function stamped(envelope, id, time)
    return '\148\207' .. struct.pack('>I8', id) .. '\207' .. struct.pack('>I8', time) .. string.sub(envelope, 20)
end

-- Nothing goes that lies in this jump's range: should its transaction be torn, it would take what an earlier torn one
-- brings back. Its row hides that, and the next jump removes it (KEYSPACE.md 12).
local function renew(head, first, epoch)
    local meta, gaps, jump = key('meta'), key('gaps'), string.format('%.0f %.0f', head + 1, first - 1)
    if first == head + 1 then
        redis.call('HSET', meta, 'epoch', epoch)
        return
    end
    local from, to = newest_jump(redis.call('HGET', meta, 'jumped'))
    local rows = {first - 1, jump .. ' jumped'}
    if to >= (tonumber(redis.call('HGET', meta, 'floor')) or 1) then
        for _, what in ipairs({'log', 'ids', 'ttl'}) do
            redis.pcall('ZREMRANGEBYSCORE', key(what), from, to)
        end
        rows[3], rows[4] = to, string.format('%.0f %.0f jumped', from, to) -- a torn jump may yet remove it
    end
    -- Rows of torn jumps go. One that is made for it has the AOF record that, though none may be there now.
    if first - 1 > head + 1 then
        rows[#rows + 1], rows[#rows + 2] = first - 2, string.format('%.0f %.0f jumped', first - 2, first - 2)
    end
    redis.pcall('ZADD', gaps, unpack(rows))
    redis.pcall('ZREMRANGEBYSCORE', gaps, string.format('(%.0f', head), string.format('(%.0f', first - 1))
    redis.call('HSET', meta, 'epoch', epoch, 'head', first - 1, 'jumped', jump)
end

local function add(list, score, member)
    list[#list + 1], list[#list + 2] = string.format('%.0f', score), member
end

local function wish(id, msg_id, ttl_ms, front, now_ms)
    wishes = wishes or {ids = {}, ttl = {}, expiring = {}, ready = {}, ahead = {}}
    local text = string.format('%.0f', id)
    if msg_id then
        add(wishes.ids, id, msg_id)
    end
    if ttl_ms then
        local deadline_ms = math.min(now_ms + ttl_ms, 2 ^ 53)
        add(wishes.ttl, id, string.format('%s %.0f', text, deadline_ms))
        add(wishes.expiring, deadline_ms, text)
        wishes.deadline_ms = math.min(wishes.deadline_ms or deadline_ms, deadline_ms)
    end
    if front then
        add(wishes.ready, -id, text)
        add(wishes.ahead, id, text)
    end
end

local function grant()
    if not wishes then
        return
    end
    for _, what in ipairs({'ids', 'ttl', 'expiring'}) do
        if #wishes[what] > 0 then
            redis.pcall('ZADD', key(what), unpack(wishes[what]))
        end
    end
    if wishes.deadline_ms then
        timer_at('ttl', wishes.deadline_ms)
    end
    for _, group in ipairs(#wishes.ready > 0 and redis.pcall('ZRANGE', key('groups'), 0, -1) or {}) do
        redis.pcall('ZADD', key('ready:') .. group, unpack(wishes.ready))
        redis.pcall('ZADD', key('ahead:') .. group, unpack(wishes.ahead))
    end
end
