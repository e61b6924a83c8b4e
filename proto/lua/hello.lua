-- hello: told by a bridge at each connection; says which store this is, and whether it may be older than it was.
--
-- KEYS    1 store
-- ARGV    1 run_id of this Redis   2 a fresh random epoch   3 a fresh random store id
-- Result  {store id, epoch, born, time_ms}; born is 1 while the store is in its first epoch
-- Keeps   KEYSPACE.md 7: the epoch changes when Redis runs under another run_id than the store last saw, unless
--         that run was ended cleanly by its bridge (field `clean`, written by mark_clean.lua as the last write of all).
local store = redis.call('HMGET', KEYS[1], 'id', 'run', 'epoch', 'clean', 'born')
local now = redis.call('TIME')
if not store[1] then
    store = {ARGV[3], ARGV[1], ARGV[2], false, ARGV[2]}
    redis.call('HSET', KEYS[1], 'id', ARGV[3], 'run', ARGV[1], 'epoch', ARGV[2], 'born', ARGV[2])
elseif store[2] ~= ARGV[1] then
    if store[4] ~= store[2] then
        store[3] = ARGV[2]
    end
    -- Two writes, so that the AOF records a transaction: its end also ends one that was torn (KEYSPACE.md 12).
    redis.call('HSET', KEYS[1], 'run', ARGV[1])
    redis.call('HSET', KEYS[1], 'epoch', store[3])
end
if store[4] then
    redis.call('HDEL', KEYS[1], 'clean')
end
return {store[1], store[3], store[3] == store[5] and 1 or 0, now[1] * 1000 + math.floor(now[2] / 1000)}
