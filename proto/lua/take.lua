-- take: leases some messages to a consumer: what was given back first, then from the log. channel.lua, timers.lua,
-- state.lua, take_run.lua, writes.lua, leases.lua, keep.lua, runs.lua, present.lua, letter.lua, given.lua,
-- from_ready.lua and from_log.lua stand before it.
--
-- KEYS    1 meta
-- ARGV    1 group   2 max   3 lease_ms   4 consumer, '': none   5 '1': nothing is leased, they are done
--         6 '1': makes the group where there is none, at the oldest message   7 window: leases nothing that would bring
--         the consumer's leased ids above it; '0': no matter
-- Result  {state, lease, deadline_ms, now_ms, runs, letters, more}: state 'ok', 'paused', 'none': no such group,
--         'window': no room; runs flat, in the order of delivery: first, last, attempt; letters flat: id, envelope, of
--         those that are not to be read from the log. lease 0: nothing is leased. more 1: more waits now, or may
-- Keeps   KEYSPACE.md, Groups: a lease number is above all given before. The common path does no work per message.
local consumer, window = ARGV[4] == '' and '-' or ARGV[4], tonumber(ARGV[7])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if not cursor and ARGV[6] ~= '1' then
    return {'none', 0, 0, now, {}, {}, 0}
elseif not cursor then
    cursor = floor - 1
    redis.call('ZADD', base .. 'groups', 0, group)
    redis.call('HSET', key('group'), 'cursor', cursor, 'leased', 0)
end
if consumer ~= '-' then
    redis.call('ZADD', key('consumers'), now, consumer)
end
local load = window > 0 and tonumber(redis.call('HGET', key('load'), consumer)) or 0
if paused or (window > 0 and load >= window) then
    return {paused and 'paused' or 'window', 0, 0, now, {}, {}, 0}
end

local given = {runs = {}, letters = {}, left = window > 0 and math.min(max, window - load) or max}
local wanted = given.left
local plain = redis.call('EXISTS', key('ready'), key('ahead'), base .. 'gaps', base .. 'ttl') == 0
local to = cursor
if (plain or from_ready(given)) and given.left > 0 then
    to = math.max(cursor, from_log(given, plain))
end
local count, lease, deadline, flat = wanted - given.left, 0, 0, {}
for _, run in ipairs(given.runs) do
    flat[#flat + 1], flat[#flat + 2], flat[#flat + 3] = run[1], run[2], run[3]
end
if count > 0 and ARGV[5] ~= '1' then
    lease, deadline = math.max(newest + 1, time[1] * 1048576 + time[2]), now + ARGV[3]
    local record = {number = text(lease), deadline = deadline, taken = text(now), window = window > 0 and '1' or '0',
        consumer = consumer, runs = {}, lapsed = {}}
    redis.call('HSET', KEYS[1], 'lease', lease)
    put('ZADD deadlines', deadline, record.number)
    if consumer ~= '-' then
        put('ZADD of', 0, consumer .. ' ' .. record.number)
    end
    keep(record, given.runs)
    timer_at('group ' .. group, deadline)
else
    for i = 1, #given.letters, 2 do
        put('HDEL letters', given.letters[i])
    end
end
close(to)
if not plain and to > cursor then
    redis.call('ZREMRANGEBYSCORE', key('ahead'), '-inf', to)
end
local more = math.max(to, floor - 1) < head or (not plain and redis.call('EXISTS', key('ready')) == 1)
return {'ok', lease, deadline, now, flat, given.letters, more and 1 or 0}
