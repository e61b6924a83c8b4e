-- seek: where a point in time lies in a channel's log. No step of its own: it stands at the top of those that need it,
-- behind skip.lua.
--
-- seek(log, floor, ms)   id of the newest message from floor up whose time_ms is below ms; 0: there is none
-- time_of(member, at)    time_ms of the envelope that begins there
-- Keeps   KEYSPACE.md 2-5: time never falls, so it is enough to read log n members, and of the last one each envelope.
local function time_of(member, at)
    return #member < at + 18 and 0 or (struct.unpack('>I8', member, at + 11))
end

local function seek(log, floor, ms)
    local low, high = redis.call('ZCOUNT', log, '-inf', '(' .. string.format('%.0f', floor)), redis.call('ZCARD', log)
    local member, id, at = '', 0, 1
    while low < high do
        local middle = math.floor((low + high) / 2)
        local got = redis.call('ZRANGE', log, middle, middle)[1]
        if time_of(got, 1) < ms then
            low, member = middle + 1, got
        else
            high = middle
        end
    end
    while at + 18 <= #member and time_of(member, at) < ms do
        local this = struct.unpack('>I8', member, at + 2)
        id = this >= floor and this or id
        at = skip(member, at)
    end
    return id
end

