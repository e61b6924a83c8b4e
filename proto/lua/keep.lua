-- keep: what a lease holds. No step of its own: it stands behind leases.lua.
--
-- keep(lease, runs, waiting)   from now on it holds these, and has run out on those that are `waiting`, absent: none.
--                              Without runs it ends; the record stays while some wait
-- What it holds: the rows of `runs` in place of those of before.
local function hold(lease, runs)
    local same, count = {}, 0
    for _, run in ipairs(runs) do
        same[run[1]], count = run[2], count - (run[2] - run[1] + 1)
    end
    for _, run in ipairs(lease.runs) do
        count = count + run[2] - run[1] + 1
        if same[run[1]] == run[2] then
            same[run[1]] = nil
        else
            put('ZREM held', string.format('%.0f %.0f %s', run[1], run[2], lease.number))
        end
    end
    for _, run in ipairs(runs) do
        if same[run[1]] then
            put('ZADD held', text(run[2]), string.format('%.0f %.0f %s', run[1], run[2], lease.number))
        end
    end
    free(count, lease)
end

local function keep(lease, runs, waiting)
    hold(lease, runs)
    lease.runs = runs
    for _, run in ipairs(waiting or {}) do
        local before = lease.lapsed[#lease.lapsed]
        if before and before[2] == run[1] - 1 and before[3] == run[3] then
            before[2] = run[2]
        else
            table.insert(lease.lapsed, run)
        end
    end
    if #runs == 0 then
        lease.deadline = 0
        put('ZREM deadlines', lease.number)
        if lease.consumer ~= '-' then
            put('ZREM of', lease.consumer .. ' ' .. lease.number)
        end
    end
    write_lease(lease)
end

