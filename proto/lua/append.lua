-- append: gives ids to one batch of a channel and stores it, in one step.
--
-- KEYS    1 log   2 meta   3 gaps
-- ARGV    1 session   2 seq of the batch in its session, from 1   3 epoch (see hello.lua)
--         4 known: highest id that may have been given as far as the caller knows, 0: none
--         5 first id and 6 time_ms, as the members are stamped   7 count of members   8 bytes of all members
--         9 max_messages to retain, 0: no limit   10 Pub/Sub channel for the announcement   11 channel's name
--         12… score, member; score, member; … (scores are the ids from `first` on)
-- Result  {'stored', first, time_ms}; {'again', first, time_ms} as recorded when this seq was stored before;
--         {'gap', last seq stored} when an earlier batch of the session is missing: nothing was changed
-- Keeps   KEYSPACE.md 1-8. On the common path there is no work per message: the members go to one ZADD as they are.
local meta = redis.call('HMGET', KEYS[2], 'head', 'time', 'epoch', 'bytes', 'floor', 's:' .. ARGV[1])
local seq, last = tonumber(ARGV[2]), tonumber(meta[6]) or 0
local slot = 's:' .. ARGV[1] .. ':' .. seq % 16

if seq <= last then
    local record = redis.call('HGET', KEYS[2], slot) or ''
    local of, first, time = string.match(record, '^(%d+) (%d+) (%d+)$')
    if of ~= ARGV[2] then
        return redis.error_reply('ZRB batch ' .. ARGV[2] .. ' is too old, its result is no longer recorded')
    end
    return {'again', tonumber(first), tonumber(time)}
elseif seq > last + 1 then
    return {'gap', last}
end

local head, previous = tonumber(meta[1]) or 0, tonumber(meta[2]) or 0
local now = redis.call('TIME')
local first, time, count = head + 1, tonumber(ARGV[6]), tonumber(ARGV[7])
time = math.max(previous, math.min(time, now[1] * 1000 + 1000))

-- The store may have lost its newest writes: leave a gap that nothing given before can reach.
local known, new_epoch = tonumber(ARGV[4]), meta[3] ~= ARGV[3]
if new_epoch and (head > 0 or known > 0) then
    first = math.max(head, known, now[1] * 1048576) + 1
end

if first == tonumber(ARGV[5]) and time == tonumber(ARGV[6]) then
    redis.call('ZADD', KEYS[1], unpack(ARGV, 12))
else
    -- Another writer came between, or the time was out of bounds: stamp anew. An envelope begins
    -- 94 cf <id, 8 bytes> cf <time_ms, 8 bytes>.
    local pairs_ = {}
    local stamp = '\207' .. struct.pack('>I8', time)
    for i = 1, count do
        local id = first + i - 1
        pairs_[2 * i - 1] = string.format('%.0f', id)
        pairs_[2 * i] = '\148\207' .. struct.pack('>I8', id) .. stamp .. string.sub(ARGV[11 + 2 * i], 20)
    end
    redis.call('ZADD', KEYS[1], unpack(pairs_))
end

-- The log has taken them: from here on nothing may fail.
if new_epoch then
    redis.call('HSET', KEYS[2], 'epoch', ARGV[3])
    if first > head + 1 then
        redis.pcall('ZADD', KEYS[3], first - 1, string.format('%.0f %.0f jumped', head + 1, first - 1))
    end
end
head = first + count - 1
local floor = math.max(tonumber(meta[5]) or 1, tonumber(ARGV[9]) > 0 and head - ARGV[9] + 1 or 1)
redis.call('HSET', KEYS[2], 'head', head, 'time', time, 'bytes', (meta[4] or 0) + ARGV[8], 'floor', floor,
    's:' .. ARGV[1], seq, slot, string.format('%s %.0f %.0f', ARGV[2], first, time))
redis.pcall('PUBLISH', ARGV[10], string.format('%.0f %.0f %s', first, head, ARGV[11]))
return {'stored', first, time}
