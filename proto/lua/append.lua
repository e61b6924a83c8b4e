-- append: gives ids to one batch of a channel and stores it, in one step.
--
-- KEYS    1 log   2 meta   3 gaps   4 ids
-- ARGV    1 session   2 seq of the batch in its session, from 1   3 epoch (see hello.lua)
--         4 known: highest id that may have been given as far as the caller knows, 0: none
--         5 first id and 6 time_ms, as the members are stamped   7 count of members   8 bytes of all members
--         9 max_messages to retain, 0: no limit   10 Pub/Sub channel for the announcement   11 channel's name
--         12… score, member; score, member; … (scores are the ids from `first` on)
--         behind those index, msg_id; index, msg_id; … of the members that have one, indexes from 1 and ascending
-- Result  {'stored', first, time_ms, known ones}; {'again', …} the same as recorded when this seq was stored before;
--         {'gap', last seq stored} when an earlier batch of the session is missing: nothing was changed.
--         known ones: index, id; index, id; … of members not stored, since their msg_id is there under that id
-- Keeps   KEYSPACE.md 1-8. On the common path there is no work per message: the members go to one ZADD as they are.
local meta = redis.call('HMGET', KEYS[2], 'head', 'time', 'epoch', 'bytes', 'floor', 's:' .. ARGV[1])
local seq, last = tonumber(ARGV[2]), tonumber(meta[6]) or 0
local slot = 's:' .. ARGV[1] .. ':' .. seq % 16

if seq <= last then
    local record = redis.call('HGET', KEYS[2], slot) or ''
    local of, first, time, rest = string.match(record, '^(%d+) (%d+) (%d+)(.*)$')
    if of ~= ARGV[2] then
        return redis.error_reply('ZRB batch ' .. ARGV[2] .. ' is too old, its result is no longer recorded')
    end
    local told = {}
    for number in string.gmatch(rest, '%d+') do
        told[#told + 1] = number
    end
    return {'again', tonumber(first), tonumber(time), told}
elseif seq > last + 1 then
    return {'gap', last}
end

local head, previous = tonumber(meta[1]) or 0, tonumber(meta[2]) or 0
local now = redis.call('TIME')
local first, time, count = head + 1, tonumber(ARGV[6]), tonumber(ARGV[7])
time = math.max(previous, math.min(time, now[1] * 1000 + 1000))

-- The store may have lost its newest writes: leave a gap that nothing given before can reach, not even what an
-- earlier jump within the same second led to.
local known, new_epoch = tonumber(ARGV[4]), meta[3] ~= ARGV[3]
if new_epoch and (head > 0 or known > 0) then
    first = math.max(head, known, now[1] * 1048576 + now[2]) + 1
end

-- Who sends a msg_id again gets the id of the first.
local told, id_of, ids, bytes = {}, {}, {}, (meta[4] or 0) + ARGV[8]
for i = 12 + 2 * count, #ARGV, 2 do
    local index, msg_id = tonumber(ARGV[i]), ARGV[i + 1]
    local id = id_of[msg_id] or tonumber(redis.call('ZSCORE', KEYS[4], msg_id))
    if id then
        told[#told + 1], told[#told + 2], told[ARGV[i]] = ARGV[i], string.format('%.0f', id), true
        bytes = bytes - #ARGV[11 + 2 * index]
    else
        id_of[msg_id] = first + index - 1 - #told / 2
        ids[#ids + 1], ids[#ids + 2] = id_of[msg_id], msg_id
    end
end

if #told == 0 and first == tonumber(ARGV[5]) and time == tonumber(ARGV[6]) then
    redis.call('ZADD', KEYS[1], unpack(ARGV, 12, 11 + 2 * count))
else
    -- Another writer came between, the time was out of bounds, or some are known: stamp anew. An envelope begins
    -- 94 cf <id, 8 bytes> cf <time_ms, 8 bytes>.
    local stamped, id, stamp = {}, first, '\207' .. struct.pack('>I8', time)
    for i = 1, count do
        if not told[tostring(i)] then
            stamped[#stamped + 1] = string.format('%.0f', id)
            stamped[#stamped + 1] = '\148\207' .. struct.pack('>I8', id) .. stamp .. string.sub(ARGV[11 + 2 * i], 20)
            id = id + 1
        end
    end
    count = id - first
    if count > 0 then
        redis.call('ZADD', KEYS[1], unpack(stamped))
    end
end

-- The log has taken them: from here on nothing may fail.
if new_epoch then
    redis.call('HSET', KEYS[2], 'epoch', ARGV[3])
    if first > head + 1 then
        -- A torn transaction may have left ids above the head, or yet bring them back (KEYSPACE.md 12): they are
        -- removed here, and, since '' makes it a change that the AOF records, also where it is loaded.
        for _, key in ipairs({KEYS[1], KEYS[3], KEYS[4]}) do
            redis.pcall('ZADD', key, first - 1, '')
            redis.pcall('ZREMRANGEBYSCORE', key, '(' .. string.format('%.0f', head), first - 1)
        end
        redis.pcall('ZADD', KEYS[3], first - 1, string.format('%.0f %.0f jumped', head + 1, first - 1))
    end
end
if #ids > 0 then
    redis.pcall('ZADD', KEYS[4], unpack(ids))
end
head = first + count - 1
local floor, keep = tonumber(meta[5]) or 1, head - ARGV[9] + 1
if tonumber(ARGV[9]) > 0 and keep > floor and redis.call('ZCOUNT', KEYS[3], keep, '+inf') == 0 then
    floor = keep -- where ids are missing, retain.lua finds out how many messages there are
end
redis.call('HSET', KEYS[2], 'head', head, 'time', time, 'bytes', bytes, 'floor', floor,
    's:' .. ARGV[1], seq, slot, string.format('%s %.0f %.0f %s', ARGV[2], first, time, table.concat(told, ' ')))
if count > 0 then
    redis.pcall('PUBLISH', ARGV[10], string.format('%.0f %.0f %s', first, head, ARGV[11]))
end
return {'stored', first, time, told}
