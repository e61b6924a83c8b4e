-- settle: what ack, nack, touch and bury have in common. No step of its own: it stands behind runs.lua.
--
-- settle(at, work, late)   ARGV from `at` on: one lease's number, or id, lease; id, lease … Calls
--                          work(lease, kept, given) for each lease that holds some of them: its runs without those, and
--                          runs of those that are still there; late(lease, kept, given) likewise for one that ran out
--                          on some, which wait since: where it is absent, those are stale
-- Returns {done, already, stale}, each of runs, flat: first, last; first, last …
local told = {done = {}, already = {}, stale = {}}

local function tell(what, first, last)
    local list = told[what]
    if list[#list] == first - 1 then
        list[#list] = last
    else
        list[#list + 1], list[#list + 2] = first, last
    end
end

local function tell_runs(what, runs)
    for _, run in ipairs(runs) do
        tell(what, run[1], run[2])
    end
end

-- Does it to the ids, nil: all of these runs. Returns those of the ids that are in none of the runs.
local function settle_runs(lease, runs, ids, work)
    local kept, given, others, gone = {}, runs, {}, nil
    if ids then
        kept, given, others = split(runs, ids)
    end
    given, gone = present(given)
    if work and #given + #gone > 0 then
        work(lease, kept, given)
    end
    tell_runs(work and 'done' or 'stale', given)
    tell_runs('already', gone)
    return others
end

local function settle(at, work, late)
    local order, ids = named(at)
    for _, number in ipairs(order) do
        local lease, others = read_leases({number})[1], ids[number] or {}
        if lease then
            local lapsed = lease.lapsed
            if lease.consumer ~= '-' and lease.deadline > 0 then
                put('ZADD consumers', now_ms(), lease.consumer)
            end
            others = settle_runs(lease, lease.runs, ids[number], work)
            others = settle_runs(lease, lapsed, ids[number] and others, late)
        end
        for _, id in ipairs(others) do
            tell(judge(id, number), id, id)
        end
    end
    close()
    return {told.done, told.already, told.stale}
end

