-- flush: raises a channel's floor, at once whatever the number of messages; the keeper frees them afterwards.
-- skip.lua, seek.lua, channel.lua, undelivered.lua, waiting.lua, void.lua and void_below.lua stand before it.
--
-- KEYS    1 meta
-- ARGV    1 before: the lowest id to keep; '+inf': flush all, delayed ones too; 'ms': as 2 says
--         2 before_ms: flush what is older   3 '1': a dry run, nothing changes
--         4 '1': also what groups have not settled
-- Result  {name, flushed, at_risk}: how many messages became invisible, or would have; at_risk flat: group, how many of
--         them it has not settled. When there are any, and neither 3 nor 4 says '1', nothing changes and flushed is 0
-- Keeps   KEYSPACE.md 5, 6: the floor never falls and never passes head + 1. What is dead stays.
local meta = redis.call('HMGET', KEYS[1], 'head', 'floor', 'time')
local head, floor, time = tonumber(meta[1]) or 0, tonumber(meta[2]) or 1, tonumber(meta[3]) or 0
local to, flushed, at_risk = head + 1, 0, {}
if ARGV[1] == 'ms' then
    to = tonumber(ARGV[2]) > time and to or seek(base .. 'log', floor, tonumber(ARGV[2])) + 1
elseif ARGV[1] ~= '+inf' then
    to = math.min(tonumber(ARGV[1]), to)
end
if to <= floor and to <= head then
    return {channel, 0, {}}
elseif to > floor then
    flushed = to - floor
    for _, gap in ipairs(redis.call('ZRANGEBYSCORE', base .. 'gaps', floor, head)) do
        local first, last = string.match(gap, '^(%d+) (%d+)')
        flushed = flushed - math.max(0, math.min(tonumber(last), to - 1) - math.max(tonumber(first), floor) + 1)
    end
end
local delayed = ARGV[1] == '+inf' and redis.call('ZCARD', base .. 'delayed') or 0
flushed = flushed + delayed

local groups = redis.call('ZRANGE', base .. 'groups', 0, -1)
for _, group in ipairs(groups) do
    local fields = redis.call('HMGET', base .. 'group:' .. group, 'cursor', 'leased')
    local leased = to > head and (tonumber(fields[2]) or 0) or count_held_below(group, to)
    local count = count_waiting(group, tonumber(fields[1]) or 0, floor, to - 1) + count_saved(group, floor) + leased
    if count > 0 then
        at_risk[#at_risk + 1], at_risk[#at_risk + 2] = group, count
    end
end
if ARGV[3] == '1' then
    return {channel, flushed, at_risk}
elseif #at_risk > 0 and ARGV[4] ~= '1' then
    return {channel, 0, at_risk}
end
redis.call('HDEL', KEYS[1], '') -- KEYSPACE.md 14
for _, group in ipairs(groups) do
    if to > head then
        void(group, head)
    else
        void_below(group, to)
    end
end
if delayed > 0 then
    -- Their msg_ids are forgotten in their time.
    local serial, now = redis.call('HGET', KEYS[1], 'serial') or '0', redis.call('TIME')
    redis.call('HSET', KEYS[1], 'dropped', string.format('%s %.0f', serial, now[1] * 1000 + now[2] / 1000))
    redis.call('UNLINK', base .. 'delayed')
end
if to > floor then
    redis.call('HSET', KEYS[1], 'floor', to)
end
return {channel, flushed, at_risk}
