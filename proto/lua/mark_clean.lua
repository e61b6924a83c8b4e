-- mark_clean: the last write before a bridge shuts down its embedded Redis, so that no id jumps at the next start.
--
-- KEYS    1 store
-- Result  1
redis.call('HSET', KEYS[1], 'clean', redis.call('HGET', KEYS[1], 'run') or '')
return 1
