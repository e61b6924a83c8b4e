-- join: how messages get ids and join a channel's log. No step of its own: it stands at the top of append.lua and
-- due.lua, behind timers.lua. KEYS[1] is any key of the channel.
--
-- key(what)                              the channel's key of that name
-- first_id(head, known, is_new, now)     the next id to give, by TIME's `now`; is_new: the epoch is not the channel's
-- stamped(envelope, id, time)            its bytes under that id and time
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

-- An envelope begins 94 cf <id, 8 bytes> cf <time_ms, 8 bytes>.
local function stamped(envelope, id, time)
    return '\148\207' .. struct.pack('>I8', id) .. '\207' .. struct.pack('>I8', time) .. string.sub(envelope, 20)
end

local function renew(head, first, epoch)
    redis.call('HSET', key('meta'), 'epoch', epoch)
    if first == head + 1 then
        return
    end
    -- A torn transaction may have left ids above the head, or yet bring them back (KEYSPACE.md 12): they are removed
    -- here, and, since '' makes it a change that the AOF records, also where it is loaded.
    for _, what in ipairs({'log', 'gaps', 'ids', 'ttl'}) do
        redis.pcall('ZADD', key(what), first - 1, '')
        redis.pcall('ZREMRANGEBYSCORE', key(what), '(' .. string.format('%.0f', head), first - 1)
    end
    redis.pcall('ZADD', key('gaps'), first - 1, string.format('%.0f %.0f jumped', head + 1, first - 1))
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
