-- door: append.lua for any Redis client, one message, also within the client's own MULTI. greet.lua stands before it;
-- what append.lua needs, and append.lua itself, behind it.
--
-- KEYS    1 the channel's meta, which names the channel   2 store   3 channels
-- ARGV    1 payload   2 headers, as msgpack; empty or absent: none
-- Result  append.lua's
-- Keeps   append.lua's invariants, and 9. Errors come before anything is changed, and tell a caller's mistake.
-- LIMIT: not for a Cluster, since store and channels lie elsewhere than the channel.
local function is_count(value, least)
    return type(value) == 'number' and value >= least and value < 2 ^ 53 and value % 1 == 0
end

-- What the headers ask for, as append.lua's triples; nil: they break a rule.
local function asked(headers)
    local asks, triples = #headers <= 16384 and {cmsgpack.unpack(headers)} or {}, {}
    local map, head = asks[1], string.byte(headers)
    local is_map = #asks == 1 and (head >= 0x80 and head < 0x90 or head == 0xde or head == 0xdf)
    if not is_map or map.delay_ms and map.at_ms then
        return nil
    end
    for name, is_good in pairs({
        msg_id = function(value) return type(value) == 'string' and #value >= 1 and #value <= 128 end,
        delay_ms = function(value) return is_count(value, 0) end,
        at_ms = function(value) return is_count(value, 0) end,
        ttl_ms = function(value) return is_count(value, 1) end,
        front = function(value) return type(value) == 'boolean' end,
    }) do
        local value = map[name]
        if value ~= nil and not is_good(value) then
            return nil
        elseif value then
            local number = type(value) == 'number' and string.format('%.0f', value)
            triples[#triples + 1], triples[#triples + 2] = '1', name
            triples[#triples + 1] = name == 'front' and '1' or number or value
        end
    end
    return triples
end

local prefix, channel = string.match(KEYS[1], '^(.*):{([^{}]+)}:meta$')
if not channel or #channel > 200 or string.find(channel, '^%$') or string.find(channel, '[%c%s*?%[%]\\]') then
    return redis.error_reply('ZRB the first key is not that of a channel: ' .. KEYS[1])
end
local headers, size = ARGV[2] or '', #ARGV[1]
local triples = headers == '' and {} or asked(headers)
if not triples then
    return redis.error_reply('ZRB headers break a rule')
end
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local random = string.sub(run, 1, 32)
local store = greet(KEYS[2], run, random, random)
redis.call('ZADD', KEYS[3], 'NX', 0, channel)
local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local seq = (tonumber(redis.call('HGET', KEYS[1], 's:door')) or 0) + 1
local bin = size < 256 and struct.pack('>BB', 196, size) or size < 65536 and struct.pack('>BI2', 197, size)
    or struct.pack('>BI4', 198, size)
local stamp = string.rep('\0', 8)
local envelope = '\148\207' .. stamp .. '\207' .. stamp .. (headers == '' and '\192' or headers) .. bin .. ARGV[1]
-- All applications share a session, whose batches are never sent again. Stamped 0, it is always stamped anew.
local base = prefix .. ':{' .. channel .. '}:'
local KEYS = {base .. 'log', base .. 'meta', base .. 'gaps', base .. 'ids'}
local ARGV = {'door', string.format('%.0f', seq), store[2], store[2] == store[3] and '0' or '1', '0',
    string.format('%.0f', now_ms), '1', tostring(#envelope), '0', prefix .. ':appended', channel,
    '0', envelope, unpack(triples)}
