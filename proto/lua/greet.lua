-- greet: which store this is, and whether it may be older than it was. No step of its own: it stands at the top of
-- hello.lua and door.lua.
--
-- greet(key, run, epoch, id)   the store's key; run_id of this Redis; what is taken as a new epoch, and as the id of a
--                              new store. Returns {store id, epoch, born}
-- Keeps   KEYSPACE.md 7: the epoch changes when Redis runs under another run_id than the store last saw, unless
--         that run was ended cleanly by its bridge (field `clean`, written by mark_clean.lua as the last write of all).
local function greet(key, run, epoch, id)
    local store = redis.call('HMGET', key, 'id', 'run', 'epoch', 'clean', 'born')
    if not store[1] then
        store = {id, run, epoch, false, epoch}
        redis.call('HSET', key, 'id', id, 'run', run, 'epoch', epoch, 'born', epoch)
    elseif store[2] ~= run then
        if store[4] ~= store[2] then
            store[3] = epoch
        end
        redis.call('HDEL', key, 'clean') -- KEYSPACE.md 14
        -- Two writes, so that the AOF records a transaction: its end also ends one that was torn (KEYSPACE.md 12).
        redis.call('HSET', key, 'run', run)
        redis.call('HSET', key, 'epoch', store[3])
    end
    if store[4] then
        redis.call('HDEL', key, 'clean')
    end
    return {store[1], store[3], store[5]}
end

