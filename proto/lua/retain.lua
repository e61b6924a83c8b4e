-- retain: raises a channel's floor as its limits of number and age demand. skip.lua and seek.lua stand before it.
--
-- KEYS    1 meta
-- ARGV    1 max_messages   2 max_age_ms   (of each 0: no limit)
-- Result  {raised, 0, next_ms}: 1 when the floor was; in how many ms the oldest message will be too old, -1: none will
-- Keeps   KEYSPACE.md 5, 6: nothing goes that no limit demands. LIMIT: packed messages with more than 1000 gaps among
--         them count as one a member, so that some more may stay.
local base, text = string.sub(KEYS[1], 1, -5), function(number) return string.format('%.0f', number) end
local log, max_messages, max_age_ms = base .. 'log', tonumber(ARGV[1]), tonumber(ARGV[2])
local meta = redis.call('HMGET', KEYS[1], 'head', 'floor', 'time')
local head, floor, time = tonumber(meta[1]) or 0, tonumber(meta[2]) or 1, tonumber(meta[3]) or 0
local to, next_ms = floor, -1

if max_messages > 0 and head - to + 1 > max_messages then
    local gaps = redis.call('ZREVRANGEBYSCORE', base .. 'gaps', text(head), text(to), 'LIMIT', 0, 1000)
    local keep = head - max_messages + 1
    for i, gap in ipairs(gaps) do
        local first, last = string.match(gap, '^(%d+) (%d+)')
        if tonumber(last) < keep then
            break
        end
        if i == 1000 then
            -- Of so many members none holds less than one message.
            local member = redis.call('ZRANGE', log, -max_messages, -max_messages)[1]
            keep = member and struct.unpack('>I8', member, 3) or to
            break
        end
        keep = keep - (last - first + 1)
    end
    to = math.max(to, keep)
end

-- The time of the first message from `to` on.
local function oldest()
    local member, at = redis.call('ZRANGEBYSCORE', log, text(to), text(head), 'LIMIT', 0, 1)[1], 1
    while member and at + 18 <= #member and struct.unpack('>I8', member, at + 2) < to do
        at = skip(member, at)
    end
    return member and time_of(member, at)
end

if max_age_ms > 0 then
    local now, first = redis.call('TIME'), oldest()
    local since = now[1] * 1000 + math.floor(now[2] / 1000) - max_age_ms
    if first and first < since then
        to = math.max(to, time < since and head + 1 or seek(log, to, since) + 1)
        first = oldest()
    end
    next_ms = first and math.max(1, first - since + 1) or -1
end

if to > floor then
    redis.call('HDEL', KEYS[1], '') -- KEYSPACE.md 14
    redis.call('HSET', KEYS[1], 'floor', text(to))
end
return {to > floor and 1 or 0, 0, next_ms}
