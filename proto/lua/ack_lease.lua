-- ack_lease: the common ack: of a whole lease that holds one run, all of which is still in the log. It ends the step
-- where it can; else nothing was done. No step of its own: it stands in ack.lua, behind state.lua, and before all that
-- only other acks need. For ARGV and result see ack.lua.
local record = cursor and #ARGV == 2 and redis.call('HGET', key('leases'), ARGV[2]) or ''
local deadline, consumer, first, last = string.match(record, '^([1-9]%d*) %d+ 0 ([^ ]+) (%d+)%-(%d+)%*%d+$')
if deadline and tonumber(first) >= floor and redis.call('EXISTS', key('letters')) == 0 then
    redis.call('ZREM', key('held'), first .. ' ' .. last .. ' ' .. ARGV[2])
    redis.call('HDEL', key('leases'), ARGV[2])
    redis.call('ZREM', key('deadlines'), ARGV[2])
    if consumer ~= '-' then
        redis.call('ZREM', key('of'), consumer .. ' ' .. ARGV[2])
        redis.call('ZADD', key('consumers'), now_ms(), consumer)
    end
    redis.call('HSET', key('group'), 'leased', math.max(0, leased - (last - first + 1)))
    return {{tonumber(first), tonumber(last)}, {}, {}}
end

