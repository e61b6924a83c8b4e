-- give_back: ids are leased no longer, and wait again. No step of its own: it stands behind runs.lua and death.lua.
--
-- give_back(lease, runs, how)   how.due: when they are to be delivered, absent: now; how.number: the lease that ran out
--                               on them, absent: none; how.uncounted: this delivery is not counted;
--                               how.most and how.reason: dead instead after so many deliveries, 0: never; why
-- Returns the runs that wait now
local function give_back(lease, runs, how)
    local dead = {}
    for _, run in ipairs(runs) do
        redis.call('ZREMRANGEBYSCORE', key('returned'), run[1], run[2])
    end
    each(runs, function (id, attempts)
        local member = text(id)
        attempts = attempts - (how.uncounted and 1 or 0)
        if (how.most or 0) > 0 and attempts >= how.most then
            dead[#dead + 1] = id
            return die(id, attempts, lease, how.reason)
        end
        put('ZADD returned', member, string.format('%s %d %s', member, attempts, how.number or '0'))
        if how.due then
            put('ZADD later', how.due, member)
        else
            put('ZADD ready', member, member)
        end
    end)
    local waiting = #dead > 0 and split(runs, dead) or runs
    if how.due and #waiting > 0 then
        timer_at('group ' .. group, how.due)
    elseif #waiting > 0 then
        wake = true
    end
    return waiting
end

