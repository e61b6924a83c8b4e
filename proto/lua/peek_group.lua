-- peek_group: what waits in a group, in the order in which it would be delivered, or from the end of that order.
-- channel.lua and letter.lua stand before it.
--
-- KEYS    1 meta
-- ARGV    1 group   2 'head', 'tail'   3 max ids
--         4 max_bytes of letters; the first comes whatever its size
-- Result  as take.lua's: {'ok', 0, 0, 0, runs, letters, 0}: runs flat: first, last, attempt (of the last delivery, 0:
--         none), from the tail each of one id; letters flat: id, envelope, of the ids among them that are dead letters
--         redriven. nil when there is no such group
-- Keeps   nothing changes.
local group, left, tail, max_bytes = ARGV[1], tonumber(ARGV[3]), ARGV[2] == 'tail', tonumber(ARGV[4])
if not redis.call('ZSCORE', base .. 'groups', group) then
    return false
end
local meta, runs, letters = redis.call('HMGET', KEYS[1], 'head', 'floor'), {}, {}
local cursor = tonumber(redis.call('HGET', base .. 'group:' .. group, 'cursor')) or 0
local head, floor = tonumber(meta[1]) or 0, tonumber(meta[2]) or 1
local low, ahead = math.max(cursor + 1, floor), base .. 'ahead:' .. group

local function add(first, last, attempt)
    runs[#runs + 1], runs[#runs + 2], runs[#runs + 3] = first, last, attempt
    left = left - (last - first + 1)
end

-- The gap that begins or ends at the id or beyond it, as it is passed from `low` up or from the head down.
local function gap_at(id)
    local gap = redis.call('ZRANGEBYSCORE', base .. 'gaps', id, '+inf', 'LIMIT', 0, 1)[1]
    local first, last = string.match(gap or '', '^(%d+) (%d+)')
    return tonumber(first), tonumber(last)
end

local function last_below(key, id)
    return tonumber(redis.call('ZREVRANGEBYSCORE', key, id, '-inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]) or 0
end

-- Ids that were not handed out yet. LIMIT: gives up where ten thousand in a row came with front, and waits no longer.
local function from_log()
    local at, tries = tail and head or low, 0
    while left > 0 and at >= low and at <= head and tries < 10000 do
        local first, last = gap_at(at)
        local to
        tries = tries + 1
        if first and first <= at then
            at = tail and first - 1 or last + 1
        elseif redis.call('ZSCORE', ahead, text(at)) then
            at = at + (tail and -1 or 1)
        else
            if tail then
                to = math.max(low, at - left + 1, last_below(base .. 'gaps', at) + 1, last_below(ahead, at) + 1)
            else
                local aside = redis.call('ZRANGEBYSCORE', ahead, at, '+inf', 'LIMIT', 0, 1)[1]
                to = math.min(head, at + left - 1, (first or head + 1) - 1, (aside or head + 1) - 1)
            end
            for id = at, tail and to or at, -1 do
                add(id, tail and id or to, 0)
            end
            at = to + (tail and -1 or 1)
        end
    end
end

local function from_ready()
    local bytes = 0
    local ids = left == 0 and {} or redis.call(tail and 'ZREVRANGE' or 'ZRANGE', base .. 'ready:' .. group, 0, left - 1)
    for _, id in ipairs(ids) do
        local first = gap_at(id)
        local letter = redis.call('HGET', base .. 'letters:' .. group, id)
        if letter then
            local envelope = select(5, read_letter(letter))
            bytes = bytes + #envelope
            if #letters > 0 and bytes > max_bytes then
                left = 0
                return
            end
            letters[#letters + 1], letters[#letters + 2] = id, envelope
        end
        if letter or (tonumber(id) >= floor and not (first and first <= tonumber(id))) then
            local row = redis.call('ZRANGEBYSCORE', base .. 'returned:' .. group, id, id)[1] or '0 0'
            add(tonumber(id), tonumber(id), tonumber(string.match(row, ' (%d+)')))
        end
    end
end

if tail then
    from_log()
    from_ready()
else
    from_ready()
    from_log()
end
return {'ok', 0, 0, 0, runs, letters, 0}
