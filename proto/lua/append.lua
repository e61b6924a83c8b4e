-- append: gives ids to one batch of a channel and stores it, in one step. skip.lua, timers.lua, lost.lua, join.lua,
-- batch.lua and delay.lua stand before it.
--
-- KEYS    1 log   2 meta   3 gaps   4 ids
-- ARGV    1 session   2 seq of the batch in its session, from 1   3 epoch (see hello.lua)
--         4 known: highest id that may have been given as far as the caller knows, 0: none
--         5 first id and 6 time_ms, as the members are stamped   7 count of members   8 bytes of all members
--         9 max_messages to retain, 0: no limit   10 Pub/Sub channel for the announcement   11 channel's name
--         12… score, member; score, member; … a member is one envelope, or several back to back whose ids follow each
--         other; its score is the last one's; in all they are the ids from `first` on
--         behind those index, header, value; … of the messages that ask for something, indexes from 1 and ascending:
--         msg_id, delay_ms or at_ms, ttl_ms, front (1)
-- Result  {'stored', first, time_ms, told}, or {'jumped', …} the same when ids between head and first were left out;
--         {'again', …} the same as recorded when this seq was stored before;
--         {'gap', last seq stored} when an earlier batch of the session is missing: nothing was changed.
--         told: index, id; … of members that got no id: an id: its msg_id is there under that one; '0': its msg_id is
--         that of a message that waits; 'delayed': it waits until it is due
-- Keeps   KEYSPACE.md 1-8, 10. On the common path there is no work per message: the members go to one ZADD as they are.
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
    for word in string.gmatch(rest, '%S+') do
        told[#told + 1] = word
    end
    return {'again', tonumber(first), tonumber(time), told}
elseif seq > last + 1 then
    return {'gap', last}
end

local head, now, is_new = tonumber(meta[1]) or 0, redis.call('TIME'), meta[3] ~= ARGV[3]
local time = math.max(tonumber(meta[2]) or 0, math.min(tonumber(ARGV[6]), now[1] * 1000 + 1000))
local first, members = first_id(head, tonumber(ARGV[4]), is_new, now), tonumber(ARGV[7])
local count = ARGV[10 + 2 * members] - ARGV[5] + 1
local jumped, bytes, told, sorted = first > head + 1, (meta[4] or 0) + ARGV[8], {}, nil
if #ARGV > 11 + 2 * members then
    sorted = sort_out(12 + 2 * members, first, now)
    bytes, told = bytes - sorted.bytes, sorted.told
end

if #told == 0 and first == tonumber(ARGV[5]) and time == tonumber(ARGV[6]) then
    redis.call('ZADD', KEYS[1], unpack(ARGV, 12, 11 + 2 * members))
else
    -- Another writer came between, the time was out of bounds, or some are left out: stamp anew.
    members, count = restamped(first, time, told)
    if count > 0 then
        redis.call('ZADD', KEYS[1], unpack(members))
    end
end

-- The log has taken them: from here on nothing may fail.
if is_new then
    renew(head, first, ARGV[3])
end
if sorted then
    grant()
    grant_delays(sorted)
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
return {jumped and 'jumped' or 'stored', first, time, told}
