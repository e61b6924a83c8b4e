-- pending: who holds what in a group. channel.lua stands before it.
--
-- KEYS    1 meta
-- ARGV    1 group   2 max ids   3 min_elapsed_ms since they were taken   4 consumer, '': all   5 after: ids above it
-- Result  {now_ms, rows, next}: rows flat, in the order of ids: first, last, lease, attempt, consumer ('': none),
--         taken_ms, deadline_ms; next: the next step's `after`, 0: that was all. nil when there is no such group. One
--         step looks at 500 runs.
-- Keeps   nothing changes.
local group, left = ARGV[1], tonumber(ARGV[2])
if not redis.call('ZSCORE', base .. 'groups', group) then
    return false
end
local time = redis.call('TIME')
local now, rows, leases = time[1] * 1000 + math.floor(time[2] / 1000), {}, {}

-- The lease's record, and of each of its runs first, last, attempt; nil when it is not asked for.
local function read_lease(number)
    local record = redis.call('HGET', base .. 'leases:' .. group, number) or ''
    local deadline, taken, _, consumer, runs = string.match(record, '^(%d+) (%d+) (%d+) ([^ ]+) (.*)$')
    if not deadline or now - taken < tonumber(ARGV[3]) or (ARGV[4] ~= '' and ARGV[4] ~= consumer) then
        return {runs = {}}
    end
    local lease = {deadline = deadline, taken = taken, consumer = consumer == '-' and '' or consumer, runs = {}}
    for first, last, attempt in string.gmatch(runs, '(%d+)-(%d+)%*(%d+)') do
        lease.runs[#lease.runs + 1] = {tonumber(first), tonumber(last), attempt}
    end
    return lease
end

local function add(first, last, number)
    leases[number] = leases[number] or read_lease(number)
    local lease = leases[number]
    for _, run in ipairs(lease.runs) do
        local low, high = math.max(first, run[1]), math.min(last, run[2])
        high = math.min(high, low + left - 1)
        if low <= high then
            left = left - (high - low + 1)
            local row = {text(low), text(high), number, run[3], lease.consumer, lease.taken, lease.deadline}
            for _, value in ipairs(row) do
                rows[#rows + 1] = value
            end
        end
    end
end

local held = redis.call('ZRANGEBYSCORE', base .. 'held:' .. group, '(' .. ARGV[5], '+inf', 'LIMIT', 0, 500)
local after = 0
for _, row in ipairs(held) do
    local first, last, number = string.match(row, '^(%d+) (%d+) (%d+)$')
    if left > 0 then
        after = tonumber(last)
        add(math.max(first, ARGV[5] + 1), after, number)
    end
end
return {now, rows, #held == 500 and left > 0 and after or 0}
