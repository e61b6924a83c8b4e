-- hello: told by a bridge at each connection; says which store this is, and whether it may be older than it was.
-- greet.lua stands before it.
--
-- KEYS    1 store
-- ARGV    1 run_id of this Redis   2 a fresh random epoch   3 a fresh random store id
-- Result  {store id, epoch, born, time_ms}; born is 1 while the store is in its first epoch
-- Keeps   KEYSPACE.md 7
local now = redis.call('TIME')
local store = greet(KEYS[1], ARGV[1], ARGV[2], ARGV[3])
return {store[1], store[2], store[2] == store[3] and 1 or 0, now[1] * 1000 + math.floor(now[2] / 1000)}
