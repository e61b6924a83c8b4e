-- give_back: ids are leased no longer, and wait again. No step of its own: it stands behind runs.lua and death.lua.
--
-- give_back(lease, runs, how)   how.due: when they are to be delivered, absent: now; how.number: the lease that ran out
--                               on them, absent: none; how.uncounted: this delivery is not counted;
--                               how.most and how.reason: dead instead after so many deliveries, 0: never; why
-- Returns the runs that wait now
local function give_back(lease, runs, how)
    local dead, most, ran_out, less = {}, how.most or 0, how.number or '0', how.uncounted and 1 or 0
    for _, run in ipairs(runs) do
        local attempts = run[3] - less
        for id = run[1], run[2] do
            local member = text(id)
            if most > 0 and attempts >= most then
                dead[#dead + 1] = id
                die(id, attempts, lease, how.reason)
            else
                put('ZADD returned', member, member .. ' ' .. attempts .. ' ' .. ran_out)
                put(how.due and 'ZADD later' or 'ZADD ready', how.due or member, member)
            end
        end
    end
    local waiting = split(runs, dead)
    if how.due and #waiting > 0 then
        timer_at('group ' .. group, how.due)
    end
    wake = wake or (not how.due and #waiting > 0)
    return waiting
end

