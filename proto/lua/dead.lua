-- dead: a group's dead letters, the oldest death first. channel.lua and letter.lua stand before it.
--
-- KEYS    1 meta
-- ARGV    1 group   2 max   3 max_bytes of envelopes; the first comes whatever its size
-- Result  flat: id, attempts, dead_ms, consumer ('': none), reason, envelope; nil when there is no such group
-- Keeps   nothing changes.
local group, max, max_bytes = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if not redis.call('ZSCORE', base .. 'groups', group) then
    return false
end
local found, bytes, at = {}, 0, 0
while at < max do
    local ids = redis.call('ZRANGE', base .. 'dead:' .. group, at, math.min(at + 16, max) - 1)
    if #ids == 0 then
        break
    end
    local letters = redis.call('HMGET', base .. 'letters:' .. group, unpack(ids))
    for i, id in ipairs(ids) do
        local attempts, dead_ms, consumer, reason, envelope = read_letter(letters[i] or '0 0 - 0 ')
        if #found > 0 and bytes + #envelope > max_bytes then
            return found
        end
        bytes = bytes + #envelope
        for _, value in ipairs({id, attempts, dead_ms, consumer == '-' and '' or consumer, reason, envelope}) do
            found[#found + 1] = value
        end
    end
    at = at + #ids
end
return found
