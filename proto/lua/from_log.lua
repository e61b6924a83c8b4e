-- from_log: takes from a group's log, in order, from its cursor on. No step of its own: it stands behind given.lua.
--
-- from_log(given, plain)   where the cursor comes to; plain: there is nothing ahead, expired or never given
-- LIMIT: goes through 200 runs of such at once, of 1,000 ids each; the next take goes on behind them.
local function from_log(given, plain)
    local at, steps = math.max(cursor + 1, floor), 0
    while given.left > 0 and at <= head and steps < 200 do
        local to = math.min(head, at + given.left - 1)
        steps = steps + 1
        if plain then
            give(given, at, to, 1)
        else
            local gap = redis.call('ZRANGEBYSCORE', base .. 'gaps', at, '+inf', 'LIMIT', 0, 1)[1]
            local first, last = string.match(gap or '', '^(%d+) (%d+)')
            to = math.min(to, at + 999, (first or to + 1) - 1)
            if to < at then
                to = math.min(head, tonumber(last))
            else
                local out, now = {}, now_ms()
                for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('ahead'), at, to)) do
                    out[tonumber(id)] = true
                end
                for _, row in ipairs(redis.call('ZRANGEBYSCORE', base .. 'ttl', at, to)) do
                    local id, deadline = string.match(row, '^(%d+) (%d+)$')
                    out[tonumber(id)] = out[tonumber(id)] or tonumber(deadline) <= now
                end
                if not next(out) then
                    give(given, at, to, 1)
                end
                for id = next(out) and at or to + 1, to do
                    if not out[id] then
                        give(given, id, id, 1)
                    end
                end
            end
        end
        at = to + 1
    end
    return at - 1
end

