-- pause: ends or allows the taking from a channel, or from one of its groups. channel.lua stands before it.
--
-- KEYS    1 meta
-- ARGV    1 group, '': all of the channel   2 '1': nothing is taken from now on, '0': again
-- Result  {1}; nil when there is no such group
-- Keeps   leases go on, and may be settled.
local groups = redis.call('ZRANGE', base .. 'groups', 0, -1)
local key = KEYS[1]
if ARGV[1] ~= '' then
    if not redis.call('ZSCORE', base .. 'groups', ARGV[1]) then
        return false
    end
    groups, key = {ARGV[1]}, base .. 'group:' .. ARGV[1]
end
if ARGV[2] == '1' then
    redis.call('HSET', key, 'paused', '1')
else
    redis.call('HDEL', key, 'paused')
    for _, group in ipairs(groups) do
        announce(group)
    end
end
return {1}
