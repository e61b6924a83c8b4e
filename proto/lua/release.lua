-- release: gives leases back as if they had not been taken. channel.lua, timers.lua, skip.lua, state.lua, leases.lua,
-- keep.lua, runs.lua, present.lua, letter.lua, death.lua, give_back.lua, judge.lua and settle.lua stand before it.
--
-- KEYS    1 meta
-- ARGV    1 group   2 'consumer', 3 its name, 4 ids at once, more when one lease has more;
--         or 2 'leases', 3… their numbers; or 2 'items', 3… id, lease; id, lease …
-- Result  {released, left}: how many ids; left 1: the consumer has more leases
-- Keeps   KEYSPACE.md, Groups.
local released = 0
local function release(lease, kept, given)
    for _, run in ipairs(give_back(lease, given, {uncounted = true})) do
        released = released + run[2] - run[1] + 1
    end
    keep(lease, kept)
end

local numbers, left = ARGV[2] == 'leases' and {unpack(ARGV, 3)} or {}, 0
if ARGV[2] == 'items' then
    settle(3, release)
elseif ARGV[2] == 'consumer' then
    -- '!' comes behind the space, which no name has.
    for _, row in ipairs(redis.call('ZRANGEBYLEX', key('of'), '[' .. ARGV[3] .. ' ', '(' .. ARGV[3] .. '!', 'LIMIT',
        0, 1000)) do
        numbers[#numbers + 1] = string.match(row, '%d+$')
    end
end
for i, number in ipairs(numbers) do
    local lease = read_leases({number})[1]
    if lease and #lease.runs > 0 then
        release(lease, {}, (present(lease.runs)))
    end
    if ARGV[2] == 'consumer' and released >= tonumber(ARGV[4] or 1000) then
        left = i < #numbers and 1 or 0
        break
    end
end
if ARGV[2] ~= 'items' then
    close()
end
return {released, #numbers == 1000 and 1 or left}
