-- read: stored members of a channel in id order, with head and floor of the same instant. seek.lua stands before it.
--
-- KEYS    1 log   2 meta   3 gaps
-- ARGV    1 after: ids above it   2 until: ids up to it, '+inf': all   3 limit of members   4 max_bytes of members
--         5 '1': the newest first, from until down
--         6 since_ms: in place of `after`, what is not older; '0' or absent: as `after` says
--         7 least: members that come whatever their size, '0' or '1' (absent: 1)
-- Result  {head, floor, more, gaps as recorded, members, after, upcoming}; more is 1 when members were left out for
--         limit or max_bytes; `after` is as given, or the newest id older than since_ms (0: none); upcoming is the
--         time_ms of the first member that was left out for max_bytes, 0: none was
-- Keeps   KEYSPACE.md 4, 5: what lies below the floor is not read; the first member at or above `until` is, since a
--         member is stored under its last id. The caller drops ids outside its bounds.
local meta = redis.call('HMGET', KEYS[2], 'head', 'floor', 'time')
local head, floor, time = tonumber(meta[1]) or 0, tonumber(meta[2]) or 1, tonumber(meta[3]) or 0
local after, since = tonumber(ARGV[1]), tonumber(ARGV[6] or 0)
if since > 0 then
    after = since > time and head or seek(KEYS[1], floor, since)
end
local limit, max_bytes, least, newest = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[7] or 1), ARGV[5] == '1'
local first = math.max(after + 1, floor)
local from = first
-- Above the head stands at most what a torn transaction brought back (KEYSPACE.md 12).
local to = string.format('%.0f', math.min(ARGV[2] == '+inf' and head or tonumber(ARGV[2]), head))
local members, bytes, chunk, score, upcoming = {}, 0, math.min(limit, 16), 0, 0

local function take(got)
    for i = 1, #got, 2 do
        local size = #got[i]
        if #members >= least and bytes + size > max_bytes then
            upcoming = math.max(1, time_of(got[i], 1))
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
        got = redis.call('ZREVRANGEBYSCORE', KEYS[1], to, from, 'WITHSCORES', 'LIMIT', #members, asked)
    else
        got = redis.call('ZRANGEBYSCORE', KEYS[1], from, to, 'WITHSCORES', 'LIMIT', 0, asked)
    end
    take(got)
    from = newest and from or score + 1
    chunk = math.floor(math.max(1, math.min(4096, (max_bytes - bytes) * #members / (bytes + 1))))
until upcoming > 0 or #got < 2 * asked or #members >= limit
if upcoming == 0 and not newest and tonumber(to) < head and #members < limit then
    take(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. to, string.format('%.0f', head), 'WITHSCORES', 'LIMIT', 0, 1))
end
local gaps = redis.call('ZRANGEBYSCORE', KEYS[3], first, head, 'LIMIT', 0, 1000)
return {head, floor, (upcoming > 0 or #members >= limit) and 1 or 0, gaps, members, after, upcoming}
