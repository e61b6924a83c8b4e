-- due: appends some messages that have waited until now, in the order of the times for which they were meant.
-- timers.lua, lost.lua, join.lua and delay.lua stand before it.
--
-- KEYS    1 meta
-- ARGV    1 epoch (see hello.lua)   2 known: '1' when the store is not in its first epoch, else '0'
--         3 messages and 4 bytes of members at which it stops
-- Result  {changed, left, jumped}: messages appended; 1 when more are due; 1 when ids before theirs were left out
-- Keeps   KEYSPACE.md 1-3, 5, 7, 12. They get ids, time and deadline of now. They leave `delayed` when all else is done:
--         until then they count as waiting.
local now, prefix, channel = redis.call('TIME'), string.match(KEYS[1], '^(.*):{([^{}]*)}:')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local meta = redis.call('HMGET', KEYS[1], 'head', 'time', 'epoch', 'bytes')
local head, is_new = tonumber(meta[1]) or 0, meta[3] ~= ARGV[1]
local time, bytes = math.max(tonumber(meta[2]) or 0, now_ms), tonumber(meta[4]) or 0
local first = first_id(head, tonumber(ARGV[2]), is_new, now)
local jumped = first > head + 1

local parcels, members, read, got = {}, {}, 0
repeat
    got = redis.call('ZRANGEBYSCORE', key('delayed'), '-inf', now_ms, 'LIMIT', #parcels, 8)
    for _, member in ipairs(got) do
        local message, id = unparcel(member), first + #parcels
        parcels[#parcels + 1], read = member, read + #member
        add(members, id, stamped(message.envelope, id, time))
        bytes = bytes + #message.envelope
        wish(id, message.msg_id, message.ttl_ms, message.front, now_ms)
    end
until #got < 8 or #parcels >= tonumber(ARGV[3]) or read >= tonumber(ARGV[4])
if #parcels > 0 then
    redis.call('ZADD', key('log'), unpack(members))
    if is_new then
        renew(head, first, ARGV[1])
    end
    grant()
    head = first + #parcels - 1
    redis.call('HSET', KEYS[1], 'head', head, 'time', time, 'bytes', bytes)
    redis.call('ZREM', key('delayed'), unpack(parcels))
    redis.pcall('PUBLISH', prefix .. ':appended', string.format('%.0f %.0f %s', first, head, channel))
end
local next = tonumber(redis.call('ZRANGE', key('delayed'), 0, 0, 'WITHSCORES')[2])
timer_set('delayed', next)
return {#parcels, next and next <= now_ms and 1 or 0, jumped and #parcels > 0 and 1 or 0}
