-- lapse: what a group has to do in time: leases run out, and what was given back with a delay is due. channel.lua,
-- timers.lua, skip.lua, state.lua, leases.lua, keep.lua, runs.lua, present.lua, letter.lua, death.lua and give_back.lua
-- stand before it.
--
-- KEYS    1 meta
-- ARGV    1 group   2 ids at once   3 max_deliveries: dead after so many, '0': never
-- Result  {changed, left}: ids that wait now, or are dead; left 1: more is due
-- Keeps   KEYSPACE.md, Groups. The record stays while its ids wait: until others have them, a late ack counts.
local now, most, changed = now_ms(), tonumber(ARGV[2]), 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('later'), '-inf', now, 'LIMIT', 0, most)) do
    put('ZADD ready', id, id)
    put('ZREM later', id)
    changed = changed + 1
end
wake = changed > 0

-- What the group still has before it was not taken: a torn end may have brought such a lease (KEYSPACE.md 12).
local function taken(runs)
    local others = {}
    if not runs[1] or runs[#runs][2] <= (cursor or 0) then
        return runs
    end
    each(runs, function (id)
        if id > (cursor or 0) and not redis.call('ZSCORE', key('ahead'), text(id)) then
            others[#others + 1] = id
        end
    end)
    return (split(runs, others))
end

local numbers = redis.call('ZRANGEBYSCORE', key('deadlines'), '-inf', now, 'LIMIT', 0, math.min(most, 1000))
local leases = read_leases(numbers)
for i, number in ipairs(numbers) do
    if changed >= most then
        break
    end
    local lease = leases[i]
    if lease then
        local now_due, rest, count = first_of(lease.runs, most - changed)
        changed = changed + count
        keep(lease, rest, give_back(lease, taken((present(now_due))), {number = number, most = tonumber(ARGV[3]),
            reason = 'lease ran out'}))
    else
        put('ZREM deadlines', number)
        changed = changed + 1
    end
end
close()
-- Nothing runs, so nothing is leased.
if cursor and redis.call('EXISTS', key('deadlines')) == 0 then
    redis.call('HSET', key('group'), 'leased', 0)
    redis.call('DEL', key('held'))
end
redis.call('ZREMRANGEBYSCORE', key('consumers'), '-inf', now - 3600000)
local lease = tonumber(redis.call('ZRANGE', key('deadlines'), 0, 0, 'WITHSCORES')[2])
local later = tonumber(redis.call('ZRANGE', key('later'), 0, 0, 'WITHSCORES')[2])
local due = lease and later and math.min(lease, later) or lease or later
timer_set('group ' .. group, due)
return {changed, due and due <= now and 1 or 0}
