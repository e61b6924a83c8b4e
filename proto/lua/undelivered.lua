-- undelivered: which ids of a group were never handed out. No step of its own: it stands behind channel.lua in those that
-- need it.
--
-- gap_at(id)                     first and last of the gap that holds the id, or is the next above it; nil: none
-- next_undelivered(group, from)  the lowest id from `from` up that was not handed out and is in no gap; above the head
--                                when there is none
-- each_undelivered(group, low, head, down, wanted, give)   calls give(from, to) with runs of them from low up to head, or
--                                `down` to low with from >= to; give returns how many more are wanted
-- LIMIT: gives up behind a thousand gaps and runs of others; next_undelivered is too low then.
local function gap_at(id)
    local gap = redis.call('ZRANGEBYSCORE', base .. 'gaps', id, '+inf', 'LIMIT', 0, 1)[1]
    local first, last = string.match(gap or '', '^(%d+) (%d+)')
    return tonumber(first), tonumber(last)
end

-- How many ids from `at` up (step 1) or down (-1) stand in `ahead` without a break: found by doubling.
local function count_aside(group, at, step)
    local count, more = 0, 1
    while redis.call('ZCOUNT', base .. 'ahead:' .. group, math.min(at, at + step * (more - 1)),
        math.max(at, at + step * (more - 1))) == more do
        count, more = more, more * 2
    end
    return count
end

local function next_undelivered(group, from)
    for _ = 1, 1000 do
        local first, last = gap_at(from)
        local aside = count_aside(group, from, 1)
        if first and first <= from then
            from = last + 1
        elseif aside == 0 then
            break
        else
            from = from + aside
        end
    end
    return from
end

local function last_below(key, id)
    return tonumber(redis.call('ZREVRANGEBYSCORE', key, id, '-inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]) or 0
end

local function each_undelivered(group, low, head, down, wanted, give)
    local at, ahead, step, tries = down and head or low, base .. 'ahead:' .. group, down and -1 or 1, 0
    while wanted > 0 and at >= low and at <= head and tries < 1000 do
        local first, last = gap_at(at)
        local aside, to = count_aside(group, at, step), nil
        tries = tries + 1
        if first and first <= at then
            at = down and first - 1 or last + 1
        elseif aside > 0 then
            at = at + step * aside
        elseif down then
            to = math.max(low, at - wanted + 1, last_below(base .. 'gaps', at) + 1, last_below(ahead, at) + 1)
        else
            local next_aside = redis.call('ZRANGEBYSCORE', ahead, at, '+inf', 'LIMIT', 0, 1)[1]
            to = math.min(head, at + wanted - 1, (first or head + 1) - 1, (next_aside or head + 1) - 1)
        end
        if to then
            wanted, at, tries = give(at, to), to + step, 0
        end
    end
end

