-- status: a channel's numbers, of one instant.
--
-- KEYS    1 meta   2 gaps   3 delayed
-- ARGV    1 channel's name
-- Result  {name, {head, floor, count, bytes, last_ms, delayed}}: count of messages from floor to head; bytes of the
--         members in the log, those flushed but not yet freed included; last_ms is the newest message's time, 0: none
local meta = redis.call('HMGET', KEYS[1], 'head', 'floor', 'bytes', 'time')
local head, floor = tonumber(meta[1]) or 0, tonumber(meta[2]) or 1
local count = head - floor + 1
for _, gap in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], floor, head)) do
    local first, last = string.match(gap, '^(%d+) (%d+)')
    count = count - (tonumber(last) - math.max(tonumber(first), floor) + 1)
end
return {ARGV[1], {head, floor, count, tonumber(meta[3]) or 0, tonumber(meta[4]) or 0,
    redis.call('ZCARD', KEYS[3])}}
