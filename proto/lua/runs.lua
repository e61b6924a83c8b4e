-- runs: runs of ids, {first, last, attempt}. No step of its own: it stands behind state.lua.
--
-- split(runs, ids)   the runs without these ids, runs of these ids, and those ids that are in none; runs and ids ascend
-- present(runs)      the runs without the ids whose messages are nowhere any more: below the floor, and no letter; and
--                    runs of those
-- each(runs, work)   calls it with each id, and the attempt
-- hidden(id)         is its message expired, or was it never given?
local function split(runs, ids)
    if #ids == 0 then
        return runs, {}, {}
    end
    local kept, given, others, i = {}, {}, {}, 1
    for _, run in ipairs(runs) do
        local low, one = run[1], {}
        while i <= #ids and ids[i] <= run[2] do
            local id = ids[i]
            i = i + 1
            if id < low then
                others[#others + 1] = id
            elseif one[2] == id - 1 then
                one[2], low = id, id + 1
            else
                if id > low then
                    kept[#kept + 1] = {low, id - 1, run[3]}
                end
                one, low = {id, id, run[3]}, id + 1
                given[#given + 1] = one
            end
        end
        if low <= run[2] then
            kept[#kept + 1] = {low, run[2], run[3]}
        end
    end
    for j = i, #ids do
        others[#others + 1] = ids[j]
    end
    return kept, given, others
end

local function each(runs, work)
    for _, run in ipairs(runs) do
        for id = run[1], run[2] do
            work(id, run[3])
        end
    end
end

local function present(runs)
    local lost = {}
    if not runs[1] or runs[1][1] >= floor then
        return runs, lost
    end
    each(runs, function (id)
        if id < floor and redis.call('HEXISTS', key('letters'), text(id)) == 0 then
            lost[#lost + 1] = id
        end
    end)
    local kept, gone = split(runs, lost)
    return kept, gone
end

local mortals
local function hidden(id)
    mortals = mortals or redis.call('EXISTS', base .. 'gaps', base .. 'ttl')
    if mortals == 0 then
        return false
    end
    local gap = redis.call('ZRANGEBYSCORE', base .. 'gaps', id, '+inf', 'LIMIT', 0, 1)[1]
    local mortal = redis.call('ZRANGEBYSCORE', base .. 'ttl', id, id)[1]
    return gap and tonumber(string.match(gap, '^%d+')) <= id or
        mortal and tonumber(string.match(mortal, '%d+$')) <= now_ms()
end

