-- judge: what a settling step is asked for, and what it answers for ids that the lease doesn't cover. No step of its
-- own: it stands before settle.lua.

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

