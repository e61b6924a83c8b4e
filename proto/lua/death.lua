-- death: makes dead letters. No step of its own: it stands behind skip.lua, state.lua and letter.lua.
--
-- die(id, attempts, lease, reason)   puts a copy of the message among the dead letters, if it is still there: it may
--                                    leave the log
local near -- the member that was read last, and a place in it where no id below near.id stands

local function envelope_of(id)
    local saved = redis.call('HGET', key('letters'), text(id))
    if saved then
        return (select(5, read_letter(saved)))
    end
    if not near or id < near.id or id > near.last then
        local got = id >= floor and
            redis.call('ZRANGEBYSCORE', base .. 'log', id, '+inf', 'WITHSCORES', 'LIMIT', 0, 1) or {}
        near = {member = got[1] or '', at = 1, last = tonumber(got[2]) or id}
    end
    local member, at = near.member, near.at
    while at + 18 <= #member and struct.unpack('>I8', member, at + 2) < id do
        at = skip(member, at)
    end
    near.at, near.id = at, id
    return at + 18 <= #member and struct.unpack('>I8', member, at + 2) == id and
        string.sub(member, at, skip(member, at) - 1)
end

local function die(id, attempts, lease, reason)
    local envelope = envelope_of(id)
    if envelope then
        local now = now_ms()
        put('HSET letters', text(id), string.format('%d %.0f %s %d ', attempts, now, lease.consumer, #reason) ..
            reason .. envelope)
        put('ZADD dead', now, text(id))
    end
end

