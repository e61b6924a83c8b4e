-- delay: what a batch's messages ask for, and how those wait that are to come later. No step of its own: it stands at the
-- top of append.lua and due.lua, behind join.lua, and in append.lua behind batch.lua.
--
-- sort_out(at, first, now)   reads append.lua's ARGV from `at` on, for ids from `first`, by TIME's `now`, and has the
--                            delayed ones wait. Returns {told, bytes, serial, soonest_ms}: told as append.lua returns
--                            it, and by index; bytes of the members told; soonest_ms nil: none is delayed
-- grant_delays(sorted)       the rest, when the log has taken the others; never fails
-- unparcel(member)           a member of `delayed` as {envelope, msg_id, ttl_ms, front}
--
-- Such a member is serial, ttl_ms (0: none), front (1 or 0), the size of msg_id (0: none), msg_id, envelope: identical
-- messages do not collapse, and those due at one time keep their order.
local function parcel(serial, envelope, asks)
    local msg_id = asks.msg_id or ''
    return struct.pack('>I8I8BB', serial, asks.ttl_ms or 0, asks.front and 1 or 0, #msg_id) .. msg_id .. envelope
end

local function unparcel(member)
    local _, ttl_ms, front, size = struct.unpack('>I8I8BB', member)
    return {ttl_ms = ttl_ms > 0 and ttl_ms or nil, front = front == 1,
        msg_id = size > 0 and string.sub(member, 19, 18 + size) or nil, envelope = string.sub(member, 19 + size)}
end

local function sort_out(at, first, now)
    local now_ms, parcels, id_of = now[1] * 1000 + math.floor(now[2] / 1000), {}, {}
    local told, bytes, soonest_ms = {}, 0, nil
    local serial = tonumber(redis.call('HGET', key('meta'), 'serial')) or 0
    while at < #ARGV do
        local index, asks = ARGV[at], {}
        repeat
            asks[ARGV[at + 1]], at = ARGV[at + 2], at + 3
        until ARGV[at] ~= index
        local msg_id, id, why = asks.msg_id, first + index - 1 - #told / 2, nil
        local due_ms = math.min(asks.at_ms or now_ms + (asks.delay_ms or 0), 2 ^ 53)
        -- Who sends a msg_id again gets the id of the first; while that one waits, there is none.
        local known = msg_id and (id_of[msg_id] or known_id(msg_id))
        if known then
            id, why = known, string.format('%.0f', math.max(known, 0))
        elseif due_ms > now_ms then
            serial, soonest_ms, why = serial + 1, math.min(soonest_ms or due_ms, due_ms), 'delayed'
            add(parcels, due_ms, parcel(serial, stamped(envelope_of(tonumber(index)), 0, 0), asks))
            id = -serial
            wish(id, msg_id)
        else
            wish(id, msg_id, asks.ttl_ms, asks.front, now_ms)
        end
        if why then
            told[#told + 1], told[#told + 2], told[index] = index, why, true
            bytes = bytes + #envelope_of(tonumber(index))
        end
        if msg_id then
            id_of[msg_id] = id
        end
    end
    if #parcels > 0 then
        redis.call('ZADD', key('delayed'), unpack(parcels))
    end
    return {told = told, bytes = bytes, serial = serial, soonest_ms = soonest_ms}
end

local function grant_delays(sorted)
    if sorted.soonest_ms then
        redis.call('HSET', key('meta'), 'serial', sorted.serial)
        timer_at('delayed', sorted.soonest_ms)
    end
end
