-- group: makes a group, moves it, or removes it. skip.lua, seek.lua, channel.lua, undelivered.lua,
-- waiting.lua and void.lua stand before it.
--
-- KEYS    1 meta
-- ARGV    1 'create', 'seek', 'delete'   2 group
--         3 start: 'first', 'last', 'id', 'since', '': none   4 the id to be delivered first, or since_ms
--         5 '1': delete it though there is unfinished work
-- Result  {state, {waiting, leased, dead}}: 'made', 'there', 'moved', 'deleted', 'none' when there is no such group, or
--         'unsafe'. The numbers are of before for a delete, of after for the others
-- Keeps   KEYSPACE.md 5. A lease number is never given twice: `lease` of meta stays.
local op, group, value = ARGV[1], ARGV[2], tonumber(ARGV[4])
local meta = redis.call('HMGET', KEYS[1], 'head', 'floor', 'time')
local head, floor, time = tonumber(meta[1]) or 0, tonumber(meta[2]) or 1, tonumber(meta[3]) or 0

local function start()
    if ARGV[3] == 'last' or (ARGV[3] == 'since' and value > time) then
        return head
    elseif ARGV[3] == 'since' then
        value = seek(base .. 'log', floor, value) + 1
    end
    return math.max(floor - 1, ARGV[3] == 'first' and 0 or math.min(value - 1, head))
end

local function numbers()
    local fields = redis.call('HMGET', base .. 'group:' .. group, 'cursor', 'leased')
    return {count_waiting(group, tonumber(fields[1]) or 0, floor, head) + count_saved(group, floor),
        tonumber(fields[2]) or 0, redis.call('ZCARD', base .. 'dead:' .. group)}
end

if redis.call('ZSCORE', base .. 'groups', group) then
    if op == 'create' then
        return {'there', numbers()}
    end
elseif op ~= 'create' then
    return {'none', {0, 0, 0}}
end
local before, cursor = numbers(), op == 'delete' and 0 or start()
if op == 'create' then
    redis.call('HSET', base .. 'group:' .. group, 'cursor', text(cursor), 'leased', 0)
    redis.call('ZADD', base .. 'groups', 0, group)
    return {'made', numbers()}
elseif op == 'delete' and ARGV[5] ~= '1' and before[1] + before[2] + before[3] > 0 then
    return {'unsafe', before}
end
if op == 'seek' then
    void(group, cursor)
    announce(group)
    return {'moved', numbers()}
end
for _, what in ipairs({'dead:', 'letters:', 'consumers:'}) do
    redis.call('UNLINK', base .. what .. group)
end
void(group, cursor)
redis.call('UNLINK', base .. 'group:' .. group)
redis.call('ZREM', base .. 'groups', group)
return {'deleted', before}
