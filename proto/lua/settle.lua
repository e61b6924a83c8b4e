-- settle: what ack, nack, touch and bury have in common. No step of its own: it stands behind runs.lua.
--
-- settle(at, work)   ARGV from `at` on: one lease's number, or id, lease; id, lease … Calls work(lease, kept, given) for
--                    each lease that covers some of them: its runs without those, and runs of those that are still there.
--                    Returns {done, already, stale}, each of runs, flat: first, last; first, last …
-- Of a lease that ran out (deadline 0) `given` waits again: work returns true when they are done nevertheless.
local told = {done = {}, already = {}, stale = {}}

local function tell(what, first, last)
    local list = told[what]
    if list[#list] == first - 1 then
        list[#list] = last
    else
        list[#list + 1], list[#list + 2] = first, last
    end
end

-- Leases in the order in which they are named, and of each its ids, ascending, none twice; of a whole lease none.
local function named(at)
    local order, ids, known = {ARGV[at]}, {}, {}
    for i = at, #ARGV - 1, 2 do
        local lease, id = ARGV[i + 1], ARGV[i]
        if not ids[lease] then
            ids[lease], order[i == at and 1 or #order + 1] = {}, lease
        end
        if not known[id .. ' ' .. lease] then
            known[id .. ' ' .. lease] = true
            table.insert(ids[lease], tonumber(id))
        end
    end
    for _, list in pairs(ids) do
        table.sort(list)
    end
    return order, ids
end

-- What is to be said of an id that the lease doesn't cover.
local function judge(id, lease)
    local held = redis.call('ZRANGEBYSCORE', key('held'), id, '+inf', 'LIMIT', 0, 1)[1]
    if id > head or tonumber(lease) > newest or (held and tonumber(string.match(held, '^%d+')) <= id) or
        redis.call('HEXISTS', key('letters'), text(id)) == 1 then
        return 'stale'
    elseif id < floor or hidden(id) then
        return 'already'
    end
    local waits = redis.call('ZSCORE', key('ready'), text(id)) or redis.call('ZSCORE', key('later'), text(id)) or
        (id > (cursor or 0) and not redis.call('ZSCORE', key('ahead'), text(id)))
    return waits and 'stale' or 'already'
end

local function settle(at, work)
    local order, ids = named(at)
    for _, number in ipairs(order) do
        local lease = read_leases({number})[1]
        local kept, given, others, gone = {}, lease and lease.runs or {}, ids[number] or {}, {}
        if lease and ids[number] then
            kept, given, others = split(lease.runs, ids[number])
        end
        given, gone = present(given)
        local runs_on = lease and lease.deadline > 0
        local done = #given + #gone > 0 and work(lease, kept, given) or runs_on
        for _, run in ipairs(given) do
            tell(done and 'done' or 'stale', run[1], run[2])
        end
        for _, run in ipairs(gone) do
            tell('already', run[1], run[2])
        end
        for _, id in ipairs(others) do
            tell(judge(id, number), id, id)
        end
        if runs_on and lease.consumer ~= '-' then
            put('ZADD consumers', now_ms(), lease.consumer)
        end
    end
    close()
    return {told.done, told.already, told.stale}
end

