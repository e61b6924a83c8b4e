-- flush: raises a channel's floor, at once whatever the number of messages; the keeper frees them afterwards.
-- seek.lua stands before it.
--
-- KEYS    1 log   2 meta   3 gaps
-- ARGV    1 before: the lowest id to keep; '+inf': flush all, delayed ones too; 'ms': as 2 says
--         2 before_ms: flush what is older   3 '1': a dry run, nothing changes   4 channel's name
-- Result  {name, flushed}: how many messages became invisible, or would have
-- Keeps   KEYSPACE.md 5, 6: the floor never falls and never passes head + 1.
local meta = redis.call('HMGET', KEYS[2], 'head', 'floor', 'time')
local head, floor, time = tonumber(meta[1]) or 0, tonumber(meta[2]) or 1, tonumber(meta[3]) or 0
local to = head + 1
if ARGV[1] == 'ms' then
    to = tonumber(ARGV[2]) > time and to or seek(KEYS[1], floor, tonumber(ARGV[2])) + 1
elseif ARGV[1] ~= '+inf' then
    to = math.min(tonumber(ARGV[1]), to)
end
local delayed = string.sub(KEYS[2], 1, -5) .. 'delayed'
local waiting = ARGV[1] == '+inf' and redis.call('ZCARD', delayed) or 0
if to <= floor and waiting == 0 then
    return {ARGV[4], 0}
end
local flushed = math.max(0, to - floor)
for _, gap in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], floor, head)) do
    local first, last = string.match(gap, '^(%d+) (%d+)')
    flushed = flushed - math.max(0, math.min(tonumber(last), to - 1) - math.max(tonumber(first), floor) + 1)
end
if ARGV[3] ~= '1' and waiting > 0 then
    -- Their msg_ids are forgotten in their time.
    local serial, now = redis.call('HGET', KEYS[2], 'serial') or '0', redis.call('TIME')
    redis.call('HSET', KEYS[2], 'dropped', string.format('%s %.0f', serial, now[1] * 1000 + now[2] / 1000))
    redis.call('UNLINK', delayed)
end
if ARGV[3] ~= '1' then
    redis.call('HSET', KEYS[2], 'floor', math.max(floor, to))
    redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', '(' .. string.format('%.0f', to))
end
return {ARGV[4], flushed + waiting}
