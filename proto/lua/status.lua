-- status: a channel's numbers, of one instant. skip.lua, seek.lua, channel.lua, undelivered.lua, waiting.lua and lowest.lua
-- stand before it.
--
-- KEYS    1 meta
-- ARGV    none
-- Result  {name, {head, floor, count, bytes, last_ms, delayed, paused}, groups}: count of messages from floor to head;
--         bytes of the members in the log, those flushed but not yet freed included; last_ms is the newest message's
--         time, 0: none ever; groups flat: name, cursor, waiting, leased, dead, consumers, oldest_ms, paused
local meta = redis.call('HMGET', KEYS[1], 'head', 'floor', 'bytes', 'time', 'paused')
local head, floor = tonumber(meta[1]) or 0, tonumber(meta[2]) or 1
local time, groups, count = redis.call('TIME'), {}, head - floor + 1
local gone = '(' .. text(time[1] * 1000 - 30000)
for _, gap in ipairs(redis.call('ZRANGEBYSCORE', base .. 'gaps', floor, head)) do
    local first, last = string.match(gap, '^(%d+) (%d+)')
    count = count - (tonumber(last) - math.max(tonumber(first), floor) + 1)
end

-- The time of the oldest message that waits; 0: none does.
local function oldest_ms(group, cursor)
    local id = lowest_waiting(group, cursor, floor)
    local member = redis.call('ZRANGEBYSCORE', base .. 'log', id, head, 'LIMIT', 0, 1)[1]
    local at = 1
    while member and at + 18 < #member and struct.unpack('>I8', member, at + 2) < id do
        at = skip(member, at)
    end
    return member and time_of(member, at) or 0
end

for _, group in ipairs(redis.call('ZRANGE', base .. 'groups', 0, -1)) do
    local fields = redis.call('HMGET', base .. 'group:' .. group, 'cursor', 'leased', 'paused')
    local cursor = tonumber(fields[1]) or 0
    for _, value in ipairs({group, cursor, count_waiting(group, cursor, floor, head) + count_saved(group, floor),
        tonumber(fields[2]) or 0, redis.call('ZCARD', base .. 'dead:' .. group),
        redis.call('ZCOUNT', base .. 'consumers:' .. group, gone, '+inf'), oldest_ms(group, cursor),
        fields[3] and 1 or 0}) do
        groups[#groups + 1] = value
    end
end
return {channel, {head, floor, count, tonumber(meta[3]) or 0, tonumber(meta[4]) or 0,
    redis.call('ZCARD', base .. 'delayed'), meta[5] and 1 or 0}, groups}
