-- peek_group: what waits in a group, in the order in which it would be delivered, or from the end of that order.
-- channel.lua, letter.lua and undelivered.lua stand before it.
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
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)

-- Those of the ids whose time is over, though they are still in the log.
local function expired(first, last)
    local ids = {}
    for _, row in ipairs(redis.call('ZRANGEBYSCORE', base .. 'ttl', first, last)) do
        local id, deadline_ms = string.match(row, '^(%d+) (%d+)$')
        ids[tonumber(id)] = tonumber(deadline_ms) <= now_ms or nil
    end
    return ids
end

local function add(first, last, attempt)
    runs[#runs + 1], runs[#runs + 2], runs[#runs + 3] = first, last, attempt
    left = left - (last - first + 1)
end

-- A run of the log, upwards or downwards.
local function give(from, to)
    local out = expired(math.min(from, to), math.max(from, to))
    if not tail and not next(out) then
        add(from, to, 0)
    else
        for id = from, to, tail and -1 or 1 do
            if not out[id] then
                add(id, id, 0)
            end
        end
    end
    return left
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
        id = tonumber(id)
        if letter or (id >= floor and not (first and first <= id) and not expired(id, id)[id]) then
            local row = redis.call('ZRANGEBYSCORE', base .. 'returned:' .. group, id, id)[1] or '0 0'
            add(id, id, tonumber(string.match(row, ' (%d+)')))
        end
    end
end

if not tail then
    from_ready()
end
each_undelivered(group, math.max(cursor + 1, floor), head, tail, left, give)
if tail then
    from_ready()
end
return {'ok', 0, 0, 0, runs, letters, 0}
