-- writes: what a step changes of a group. No step of its own: it stands behind state.lua.
--
-- put(write, one, two)   to be written by close(), in one call for all of a kind; `write` is one of `writes`
-- free(count, lease)     that many ids are no longer leased by it
-- wake                   true: close() announces that something can be taken
-- close(to)              writes all of that, and the cursor where `to` is given: last of all
local batches, freed, loads, wake = {}, 0, {}, false

-- In this order, so that an id is in two places rather than in none where the end is torn off (KEYSPACE.md 12).
local writes = {'ZADD returned', 'ZADD ready', 'ZADD later', 'HSET letters', 'ZADD dead', 'HSET leases',
    'ZADD deadlines', 'ZADD of', 'ZADD held', 'ZREM held', 'HDEL leases', 'ZREM deadlines', 'ZREM of', 'ZREM returned',
    'ZREM ready', 'ZREM later', 'HDEL letters', 'ZADD consumers'}

local function put(write, one, two)
    local batch = batches[write] or {}
    batches[write] = batch
    batch[#batch + 1] = one
    if two then
        batch[#batch + 1] = two
    end
end

local function free(count, lease)
    freed = freed + count
    if lease.window == '1' then
        loads[lease.consumer] = (loads[lease.consumer] or 0) + count
    end
end

local function close(to)
    for _, write in ipairs(writes) do
        local batch = batches[write]
        for i = 1, batch and #batch or 0, 4000 do
            local command, what = string.match(write, '^(%a+) (%a+)$')
            redis.call(command, key(what), unpack(batch, i, math.min(i + 3999, #batch)))
        end
    end
    if freed ~= 0 or (to or cursor) ~= cursor then
        redis.call('HSET', key('group'), 'cursor', to or cursor or 0, 'leased', math.max(0, leased - freed))
    end
    for consumer, count in pairs(loads) do
        local load = (tonumber(redis.call('HGET', key('load'), consumer)) or 0) - count
        if load > 0 then
            redis.call('HSET', key('load'), consumer, load)
        else
            redis.call('HDEL', key('load'), consumer)
        end
        wake = wake or count > 0
    end
    if wake then
        announce(group)
    end
end

