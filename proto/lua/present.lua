-- present: which messages are still there. No step of its own: it stands behind runs.lua.
--
-- present(runs)   the runs without the ids whose messages are nowhere any more: below the floor, and no letter; and
--                 runs of those
-- hidden(id)      is its message expired, or was it never given?
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

