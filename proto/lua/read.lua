-- read: stored members of a channel in id order, with head and floor of the same instant.
--
-- KEYS    1 log   2 meta   3 gaps
-- ARGV    1 after: ids above it   2 until: ids up to it, '+inf': all   3 limit of members
--         4 max_bytes of members (at least one comes, whatever its size)   5 '1': the newest first, from until down
-- Result  {head, floor, more, gaps as recorded, members}; more is 1 when members were left out for limit or max_bytes
-- Keeps   KEYSPACE.md 4, 5: what lies below the floor is not read; the first member at or above `until` is, since a
--         member is stored under its last id. The caller drops ids outside its bounds.
local meta = redis.call('HMGET', KEYS[2], 'head', 'floor')
local head, floor = tonumber(meta[1]) or 0, tonumber(meta[2]) or 1
local from, limit, max_bytes = math.max(ARGV[1] + 1, floor), tonumber(ARGV[3]), tonumber(ARGV[4])
local newest = ARGV[5] == '1'
local members, bytes, chunk, score, full = {}, 0, math.min(limit, 16), 0, false

local function take(got)
    for i = 1, #got, 2 do
        local size = #got[i]
        if #members > 0 and bytes + size > max_bytes then
            full = true
            return
        end
        bytes = bytes + size
        members[#members + 1] = got[i]
        score = tonumber(got[i + 1])
    end
end

-- Small steps while it is not known how large members are, so that no step holds more than it may give.
local asked, got = 0, {}
repeat
    asked = math.min(limit - #members, chunk)
    if newest then
        got = redis.call('ZREVRANGEBYSCORE', KEYS[1], ARGV[2], from, 'WITHSCORES', 'LIMIT', #members, asked)
    else
        got = redis.call('ZRANGEBYSCORE', KEYS[1], from, ARGV[2], 'WITHSCORES', 'LIMIT', 0, asked)
    end
    take(got)
    from = newest and from or score + 1
    chunk = math.floor(math.max(1, math.min(4096, (max_bytes - bytes) * #members / (bytes + 1))))
until full or #got < 2 * asked or #members >= limit
if not full and not newest and ARGV[2] ~= '+inf' and #members < limit then
    take(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, 1))
end
local gaps = redis.call('ZRANGEBYSCORE', KEYS[3], math.max(ARGV[1] + 1, floor), '+inf', 'LIMIT', 0, 1000)
return {head, floor, (full or #members >= limit) and 1 or 0, gaps, members}
