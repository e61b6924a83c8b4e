-- runs: runs of ids, {first, last, attempt}. No step of its own: it stands behind state.lua.
--
-- split(runs, ids)        the runs without these ids, runs of these ids, and the ids that are in none; all ascend
-- first_of(runs, count)   the first ids of the runs, the others, and how many are the first
-- each(runs, work)        calls it with each id, and the attempt
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

local function first_of(runs, count)
    local now_due, rest, left = {}, {}, count
    for _, run in ipairs(runs) do
        local last = math.min(run[2], run[1] + left - 1)
        if last >= run[1] then
            now_due[#now_due + 1], left = {run[1], last, run[3]}, left - (last - run[1] + 1)
        end
        if last < run[2] then
            rest[#rest + 1] = {last + 1, run[2], run[3]}
        end
    end
    return now_due, rest, count - left
end

