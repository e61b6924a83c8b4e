-- hide: which ids have no message for anybody: those of gaps, and those whose time is over though expire.lua has not
-- come to them yet. No step of its own: it stands at the top of read.lua. KEYS[1] is the log.
--
-- hide(first, last)          looks for such as are only overdue, each id once; true: some were found, now or before
-- visible(first, last)       how many of these ids have a message, where hide has looked
-- first_of(member, score)    id of a member's first envelope
-- gap_rows(first, last)      rows as in gaps, ids ascending: all that hold one of these ids
local base, now = string.sub(KEYS[1], 1, -4), redis.call('TIME')
local now_ms, overdue, overdue_ids = now[1] * 1000 + math.floor(now[2] / 1000), {}, {}
local any_overdue = redis.call('ZCOUNT', base .. 'expiring', '-inf', now_ms) > 0
local any_gaps = redis.call('EXISTS', base .. 'gaps') == 1

local function hide(first, last)
    for _, row in ipairs(any_overdue and redis.call('ZRANGEBYSCORE', base .. 'ttl', first, last) or {}) do
        local id, deadline_ms = string.match(row, '^(%d+) (%d+)$')
        if tonumber(deadline_ms) <= now_ms then
            overdue[tonumber(id)] = true
            overdue_ids[#overdue_ids + 1] = tonumber(id)
        end
    end
    return #overdue_ids > 0
end

local function first_of(member, score)
    return #member > 10 and math.min(struct.unpack('>I8', member, 3), score) or tonumber(score)
end

local function recorded(first, last)
    local rows = any_gaps and redis.call('ZRANGEBYSCORE', base .. 'gaps', first, last) or {}
    rows[#rows + 1] = any_gaps and redis.call('ZRANGEBYSCORE', base .. 'gaps', '(' .. string.format('%.0f', last),
        '+inf', 'LIMIT', 0, 1)[1] or nil
    return rows
end

local function visible(first, last)
    local count = last - first + 1
    for _, row in ipairs(any_gaps and recorded(first, last) or {}) do
        local from, to = string.match(row, '^(%d+) (%d+)')
        count = count - math.max(0, math.min(to, last) - math.max(from, first) + 1)
    end
    for id = first, #overdue_ids > 0 and last or 0 do
        count = count - (overdue[id] and 1 or 0)
    end
    return count
end

local function gap_rows(first, last)
    local rows = recorded(first, last)
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
