-- channel: a channel's keys, made from its meta key alone, and what many steps do with them. No step of its own: it
-- stands at the top of those that need it.
--
-- base, prefix, channel   a key is base .. 'log' and so on
-- text(id)                in decimal, whatever its size
-- announce(group)         something has become takeable in the group
local base = string.sub(KEYS[1], 1, -5)
local prefix, channel = string.match(KEYS[1], '^(.*):{([^{}]*)}:meta$')

local function text(id)
    return string.format('%.0f', id)
end

local function announce(group)
    redis.pcall('PUBLISH', prefix .. ':takeable', channel .. ' ' .. group)
end

