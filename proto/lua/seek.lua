-- seek: where a point in time lies in a channel's log. No step of its own: it stands at the top of those that need it.
--
-- seek(log, floor, ms)   id of the newest message from floor up whose time_ms is below ms; 0: there is none
-- time_of(member, at)    time_ms of the envelope that begins there
-- Keeps   KEYSPACE.md 2-5: time never falls, so it is enough to read log n members, and of the last one each envelope.
local function time_of(member, at)
    return #member < at + 18 and 0 or (struct.unpack('>I8', member, at + 11))
end

-- Where the msgpack value that begins at `at` ends: the place behind it.
local function skip(member, at)
    local fixed = {4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 2, 3, 5, 9, 17} -- bytes behind 0xca … 0xd8
    local width = {[0xc4] = 1, [0xc5] = 2, [0xc6] = 4, [0xc7] = 1, [0xc8] = 2, [0xc9] = 4, [0xd9] = 1, [0xda] = 2,
        [0xdb] = 4, [0xdc] = 2, [0xdd] = 4, [0xde] = 2, [0xdf] = 4} -- of the size or count
    local left = 1
    while left > 0 and at <= #member do
        local byte = string.byte(member, at)
        left, at = left - 1, at + 1
        if byte >= 0x80 and byte < 0x90 then
            left = left + 2 * (byte - 0x80)
        elseif byte >= 0x90 and byte < 0xa0 then
            left = left + byte - 0x90
        elseif byte >= 0xa0 and byte < 0xc0 then
            at = at + byte - 0xa0
        elseif fixed[byte - 0xc9] then
            at = at + fixed[byte - 0xc9]
        elseif width[byte] then
            local size = struct.unpack('>I' .. width[byte], member, at)
            at = at + width[byte]
            if byte >= 0xdc then
                left = left + (byte >= 0xde and 2 or 1) * size
            else
                at = at + size + (byte >= 0xc7 and byte <= 0xc9 and 1 or 0)
            end
        end
    end
    return at
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

