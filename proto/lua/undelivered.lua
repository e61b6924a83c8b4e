-- undelivered: which ids of a group were never handed out. No step of its own: it stands behind channel.lua in those that
-- need it.
--
-- gap_at(id)   first and last of the gap that holds the id, or is the next above it; nil: there is none
-- each_undelivered(group, low, head, down, wanted, give)   calls give(from, to) with runs of them from low up to head, or
--              `down` to low with from >= to; give returns how many more are wanted, at first as many as `wanted`
local function gap_at(id)
    local gap = redis.call('ZRANGEBYSCORE', base .. 'gaps', id, '+inf', 'LIMIT', 0, 1)[1]
    local first, last = string.match(gap or '', '^(%d+) (%d+)')
    return tonumber(first), tonumber(last)
end

local function last_below(key, id)
    return tonumber(redis.call('ZREVRANGEBYSCORE', key, id, '-inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]) or 0
end

-- LIMIT: gives up behind ten thousand gaps and ids in a row that came with front and were delivered.
local function each_undelivered(group, low, head, down, wanted, give)
    local at, ahead, step, tries = down and head or low, base .. 'ahead:' .. group, down and -1 or 1, 0
    while wanted > 0 and at >= low and at <= head and tries < 10000 do
        local first, last = gap_at(at)
        tries = tries + 1
        if first and first <= at then
            at = down and first - 1 or last + 1
        elseif redis.call('ZSCORE', ahead, text(at)) then
            at = at + step
        else
            local to
            if down then
                to = math.max(low, at - wanted + 1, last_below(base .. 'gaps', at) + 1, last_below(ahead, at) + 1)
            else
                local aside = redis.call('ZRANGEBYSCORE', ahead, at, '+inf', 'LIMIT', 0, 1)[1]
                to = math.min(head, at + wanted - 1, (first or head + 1) - 1, (aside or head + 1) - 1)
            end
            wanted, at, tries = give(at, to), to + step, 0
        end
    end
end

