-- hide: which ids have no message for anybody: those of gaps, and those whose time is over though expire.lua has not come
-- to them yet. No step of its own: it stands at the top of read.lua. KEYS[1] is the log.
--
-- hide(first, last)          looks for such as are only overdue, each id once
-- is_hidden(member, score)   true when no envelope of the member is to be seen, where hide has looked
-- first_of(member, score)    id of its first envelope
-- gap_rows(first, last)      rows as in gaps, ids ascending: all that hold one of these ids
local base, now = string.sub(KEYS[1], 1, -4), redis.call('TIME')
local now_ms, overdue, overdue_ids = now[1] * 1000 + math.floor(now[2] / 1000), {}, {}
local any_overdue = redis.call('ZCOUNT', base .. 'expiring', '-inf', now_ms) > 0

local function hide(first, last)
    for _, row in ipairs(any_overdue and redis.call('ZRANGEBYSCORE', base .. 'ttl', first, last) or {}) do
        local id, deadline_ms = string.match(row, '^(%d+) (%d+)$')
        if tonumber(deadline_ms) <= now_ms then
            overdue[tonumber(id)] = true
            overdue_ids[#overdue_ids + 1] = tonumber(id)
        end
    end
end

local function first_of(member, score)
    return #member > 10 and math.min(struct.unpack('>I8', member, 3), score) or tonumber(score)
end

local function is_hidden(member, score)
    local id = #overdue_ids > 0 and first_of(member, score) or score
    while id <= score and overdue[id] do
        id = id + 1
    end
    return id > score
end

local function gap_rows(first, last)
    local rows = redis.call('ZRANGEBYSCORE', base .. 'gaps', first, last)
    rows[#rows + 1] = redis.call('ZRANGEBYSCORE', base .. 'gaps', '(' .. string.format('%.0f', last), '+inf',
        'LIMIT', 0, 1)[1]
    if #overdue_ids > 0 then
        table.sort(overdue_ids)
        local begin
        for i, id in ipairs(overdue_ids) do
            begin = begin or id
            if overdue_ids[i + 1] ~= id + 1 then
                rows[#rows + 1] = string.format('%.0f %.0f expired', begin, id)
                begin = nil
            end
        end
        local function number(row)
            return tonumber(string.match(row, '^%d+'))
        end
        table.sort(rows, function(a, b) return number(a) < number(b) end)
    end
    return rows
end
