-- take_run: the common take, which finds nothing in its way: it leases one run from the log. It ends the step where it
-- can; else nothing was done. No step of its own: it stands in take.lua, behind state.lua, and before all that only
-- other takes need. For ARGV and result see take.lua.
local max, first = tonumber(ARGV[2]), math.max((cursor or 0) + 1, floor)
if cursor and first <= head and not paused and ARGV[5] ~= '1' and ARGV[7] == '0' and
    redis.call('EXISTS', key('ready'), key('ahead'), base .. 'gaps', base .. 'ttl') == 0 then
    local time, last = redis.call('TIME'), math.min(head, first + max - 1)
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local lease, deadline = math.max(newest + 1, time[1] * 1048576 + time[2]), now + ARGV[3]
    local number, named = text(lease), ARGV[4] ~= ''
    redis.call('HSET', KEYS[1], 'lease', number)
    timer_at('group ' .. group, deadline)
    redis.call('HSET', key('leases'), number, string.format('%.0f %.0f 0 %s %.0f-%.0f*1', deadline, now,
        named and ARGV[4] or '-', first, last))
    redis.call('ZADD', key('deadlines'), deadline, number)
    if named then
        redis.call('ZADD', key('of'), 0, ARGV[4] .. ' ' .. number)
        redis.call('ZADD', key('consumers'), now, ARGV[4])
    end
    redis.call('ZADD', key('held'), last, string.format('%.0f %.0f %s', first, last, number))
    redis.call('HSET', key('group'), 'cursor', last, 'leased', leased + last - first + 1)
    return {'ok', lease, deadline, now, {first, last, 1}, {}, last < head and 1 or 0}
end

