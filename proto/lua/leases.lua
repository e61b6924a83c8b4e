-- leases: the records of a group's leases. No step of its own: it stands behind state.lua.
--
-- read_lease(number)   what is recorded: number, deadline (0: it ran out), taken, window, consumer ('-': none), and runs
--                      {first, last, attempt} in the order of ids; nil: there is none
-- keep(lease, runs, waiting)   the lease covers these from now on; without any it ends, or has run out on `waiting`
-- write_lease(lease)   when only its deadline changes
local function read_lease(number)
    local deadline, taken, window, consumer, list = string.match(redis.call('HGET', key('leases'), number) or '',
        '^(%d+) (%d+) (%d) ([^ ]+) (.+)$')
    local runs = {}
    for first, last, attempt in string.gmatch(list or '', '(%d+)-(%d+)%*(%d+)') do
        runs[#runs + 1] = {tonumber(first), tonumber(last), tonumber(attempt)}
    end
    table.sort(runs, function (a, b) return a[1] < b[1] end)
    return list and {number = number, deadline = tonumber(deadline), taken = taken, window = window,
        consumer = consumer, runs = runs}
end

local function write_lease(lease)
    local list = {}
    for i, run in ipairs(lease.runs) do
        list[i] = string.format('%.0f-%.0f*%d', run[1], run[2], run[3])
    end
    put('HSET leases', lease.number, string.format('%.0f %s %s %s %s', lease.deadline, lease.taken, lease.window,
        lease.consumer, table.concat(list, ',')))
end

-- One that has run out holds nothing: only its record is left.
local function keep(lease, runs, waiting)
    local same, count = {}, 0
    for _, run in ipairs(runs) do
        same[run[1]], count = run[2], count - (run[2] - run[1] + 1)
    end
    for _, run in ipairs(lease.deadline > 0 and lease.runs or {}) do
        count = count + run[2] - run[1] + 1
        if same[run[1]] == run[2] then
            same[run[1]] = nil
        else
            put('ZREM held', string.format('%.0f %.0f %s', run[1], run[2], lease.number))
        end
    end
    for _, run in ipairs(lease.deadline > 0 and runs or {}) do
        if same[run[1]] then
            put('ZADD held', text(run[2]), string.format('%.0f %.0f %s', run[1], run[2], lease.number))
        end
    end
    if lease.deadline > 0 then
        free(count, lease)
    end
    lease.runs = runs
    if #runs > 0 then
        return write_lease(lease)
    end
    if lease.deadline > 0 then
        put('ZREM deadlines', lease.number)
        if lease.consumer ~= '-' then
            put('ZREM of', lease.consumer .. ' ' .. lease.number)
        end
    end
    if waiting and #waiting > 0 then
        lease.deadline, lease.runs = 0, waiting
        return write_lease(lease)
    end
    put('HDEL leases', lease.number)
end

