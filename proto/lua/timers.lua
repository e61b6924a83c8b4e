-- timers: what has to be done in a channel later, by the keeper of any bridge. No step of its own: it stands at the top
-- of those that need it. KEYS[1] is any key of the channel.
--
-- timer_at(name, ms)    `name` has to be done at ms, or sooner where that is known; announced when the channel has
--                       nothing else to be done before
-- timer_set(name, ms)   for the script that does it, at its end: next at ms; nil: never
-- Keeps   KEYSPACE.md: who leaves something to be done leaves a timer for it, in the same step. Never fails.
local function timer_at(name, ms)
    local prefix, channel = string.match(KEYS[1], '^(.*):{([^{}]*)}:')
    local key, score = prefix .. ':{' .. channel .. '}:timers', string.format('%.0f', ms)
    local known = tonumber(redis.pcall('ZSCORE', key, name))
    if known and known <= ms then
        return
    end
    redis.pcall('ZADD', key, score, name)
    if redis.pcall('ZRANGE', key, 0, 0)[1] == name then
        redis.pcall('PUBLISH', prefix .. ':timers', score .. ' ' .. channel)
    end
end

local function timer_set(name, ms)
    local key = string.match(KEYS[1], '^.*:{[^{}]*}:') .. 'timers'
    if ms then
        redis.pcall('ZADD', key, string.format('%.0f', ms), name)
    else
        redis.pcall('ZREM', key, name)
    end
end
