-- leases: the records of a group's leases. No step of its own: it stands behind state.lua.
--
-- read_leases(numbers)         of each what is recorded: number, deadline (0: it ran out), taken, window, consumer ('-':
--                              none), and runs {first, last, attempt} in the order of ids; false: nothing
-- keep(lease, runs, waiting)   the lease covers these runs from now on; without any it ends, or, where some are `waiting`,
--                              has run out on those
-- write_lease(lease)           when only its deadline changes
local function parse_lease(number, record)
    local deadline, taken, window, consumer, list = string.match(record or '', '^(%d+) (%d+) (%d) ([^ ]+) (.+)$')
    local runs = {}
    for first, last, attempt in string.gmatch(list or '', '(%d+)-(%d+)%*(%d+)') do
        runs[#runs + 1] = {tonumber(first), tonumber(last), tonumber(attempt)}
    end
    if #runs > 1 then
        table.sort(runs, function (a, b) return a[1] < b[1] end)
    end
    return list ~= nil and {number = number, deadline = tonumber(deadline), taken = taken, window = window,
        consumer = consumer, runs = runs}
end

-- At most 1,000.
local function read_leases(numbers)
    local records = #numbers > 0 and redis.call('HMGET', key('leases'), unpack(numbers)) or {}
    for i, number in ipairs(numbers) do
        records[i] = parse_lease(number, records[i])
    end
    return records
end

local function write_lease(lease)
    local list = {}
    for i, run in ipairs(lease.runs) do
        list[i] = string.format('%.0f-%.0f*%d', run[1], run[2], run[3])
    end
    put('HSET leases', lease.number, string.format('%.0f %s %s %s %s', lease.deadline, lease.taken, lease.window,
        lease.consumer, table.concat(list, ',')))
end

-- What it holds: the rows of `runs` in place of those of before.
local function hold(lease, runs)
    local same, count = {}, 0
    for _, run in ipairs(runs) do
        same[run[1]], count = run[2], count - (run[2] - run[1] + 1)
    end
    for _, run in ipairs(lease.runs) do
        count = count + run[2] - run[1] + 1
        if same[run[1]] == run[2] then
            same[run[1]] = nil
        else
            put('ZREM held', string.format('%.0f %.0f %s', run[1], run[2], lease.number))
        end
    end
    for _, run in ipairs(runs) do
        if same[run[1]] then
            put('ZADD held', text(run[2]), string.format('%.0f %.0f %s', run[1], run[2], lease.number))
        end
    end
    free(count, lease)
end

-- One that has run out holds nothing: only its record is left.
local function keep(lease, runs, waiting)
    local held = lease.deadline > 0
    if held then
        hold(lease, runs)
    end
    if held and #runs == 0 then
        put('ZREM deadlines', lease.number)
        if lease.consumer ~= '-' then
            put('ZREM of', lease.consumer .. ' ' .. lease.number)
        end
        lease.deadline, runs = 0, waiting or runs
    end
    lease.runs = runs
    if #runs > 0 then
        write_lease(lease)
    else
        put('HDEL leases', lease.number)
    end
end

