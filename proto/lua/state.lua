-- state: where a group stands. No step of its own: it stands behind channel.lua at the top of the steps that take and
-- settle. ARGV[1] is the group.
--
-- head, floor, newest    of meta; newest: the newest lease number      cursor (nil: no such group), leased, paused
-- key(what)              the group's key of that kind                  now_ms()   by Redis's clock
local group = ARGV[1]
local function key(what)
    return base .. what .. ':' .. group
end
local meta = redis.call('HMGET', KEYS[1], 'head', 'floor', 'lease', 'paused')
local state = redis.call('HMGET', key('group'), 'cursor', 'leased', 'paused')
local head, floor, newest = tonumber(meta[1]) or 0, tonumber(meta[2]) or 1, tonumber(meta[3]) or 0
local cursor, leased, paused = tonumber(state[1]), tonumber(state[2]) or 0, meta[4] == '1' or state[3] == '1'

local function now_ms()
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end
