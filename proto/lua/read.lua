-- read: stored members of a channel in id order, with head and floor of the same instant. skip.lua, seek.lua and
-- hide.lua stand before it.
--
-- KEYS    1 log   2 meta   3 gaps
-- ARGV    1 after: ids above it   2 until: ids up to it, '+inf': all   3 limit of messages   4 max_bytes of members
--         5 '1': the newest first, from until down
--         6 since_ms: in place of `after`, what is not older; '0' or absent: as `after` says
--         7 least: members that come whatever their size, '0' or '1' (absent: 1)
-- Result  {head, floor, more, gaps as recorded, members, after, upcoming, reached}; more is 1 when not all was looked
--         at; gaps: all that hold an id looked at; `after` is as given, or the newest id older than since_ms (0: none);
--         upcoming is the time_ms of the first member that was left out for max_bytes, 0: none was; reached: all ids up
--         to it were looked at (not with 'newest first')
-- Keeps   KEYSPACE.md 4, 5: what lies below the floor is not read, nor what is all hidden; the first member at or above
--         `until` is, since a member is stored under its last id. The last member may hold more messages than the limit.
--         The caller drops those, ids outside its bounds, and in gaps.
local meta = redis.call('HMGET', KEYS[2], 'head', 'floor', 'time')
local head, floor, time = tonumber(meta[1]) or 0, tonumber(meta[2]) or 1, tonumber(meta[3]) or 0
local after, since = tonumber(ARGV[1]), tonumber(ARGV[6] or 0)
if since > 0 then
    after = since > time and head or seek(KEYS[1], floor, since)
end
local limit, max_bytes, least, newest = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[7] or 1), ARGV[5] == '1'
local first = math.max(after + 1, floor)
-- Above the head stands at most what a torn transaction brought back (KEYSPACE.md 12).
local last = math.min(ARGV[2] == '+inf' and head or tonumber(ARGV[2]), head)
local low, high = first, last -- not looked at yet
local members, messages, bytes, upcoming, bottom = {}, 0, 0, 0, first
local seen, passed, more = 0, 0, limit == 0 -- members looked at, bytes of those that were not taken

local function messages_of(member, score)
    local begin = first_of(member, score)
    if begin == score and score <= high then
        return overdue[score] and 0 or 1
    end
    return visible(math.max(begin, low), math.min(score, high))
end

-- Takes members, each with its score, until one is too many.
local function take(got)
    local any_hidden = hide(newest and first_of(got[#got - 1], got[#got]) or low, newest and high or got[#got])
    -- As many ids as members: each holds one message.
    local single = not newest and not any_hidden and got[#got] - low < #got / 2 and first_of(got[1], got[2]) == low
    local at = 0
    for i = 1, #got, 2 do
        local member, count = got[i], single and 1 or messages_of(got[i], tonumber(got[i + 1]))
        if count <= 0 then
            passed = passed + #member
        elseif messages >= least and bytes + #member > max_bytes then
            upcoming = math.max(1, time_of(member, 1))
            break
        else
            messages, bytes, members[#members + 1] = messages + count, bytes + #member, member
        end
        at = i + 1
        if messages >= limit then
            break
        end
    end
    if at > 0 then
        local score = tonumber(got[at])
        seen, bottom = seen + at / 2, newest and first_of(got[at - 1], score) or first
        low, high = newest and low or score + 1, newest and score - 1 or high
    end
    more = upcoming > 0 or messages >= limit or seen >= limit + 4096 or passed > max_bytes + 1048576
end

-- Small steps while it is not known how large members are, so that no step holds much more than it may give.
local asked, got = 1, {}
while not more do
    got = redis.call(newest and 'ZREVRANGEBYSCORE' or 'ZRANGEBYSCORE', KEYS[1], newest and high or low,
        newest and low or high, 'WITHSCORES', 'LIMIT', 0, asked)
    if #got > 0 then
        take(got)
    end
    if #got < 2 * asked then
        break
    end
    asked = math.min(16 * seen, 4096, (max_bytes - bytes) * (#members + 1) / (bytes + 1),
        (limit - messages) * (#members + 1) / (messages + 1))
    asked = math.ceil(math.max(1, asked))
end
if not more and not newest and last < head then
    got = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', last), head, 'WITHSCORES', 'LIMIT', 0, 1)
    if #got > 0 then
        take(got)
        more = upcoming > 0
    end
end
local reached = more and low - 1 or last
return {head, floor, more and 1 or 0, gap_rows(bottom, newest and last or reached), members, after, upcoming, reached}
