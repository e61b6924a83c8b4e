-- leases: the records of a group's leases. No step of its own: it stands behind state.lua.
--
-- read_leases(numbers)   of each what is recorded: number, deadline (0: it ran out), taken, window, consumer ('-':
--                        none), and {first, last, attempt} in the order of ids: runs, which it holds, and lapsed, on
--                        which it ran out and which wait since; false: nothing
-- write_lease(lease)     as it is now; one without any of either goes
local function parse_lease(number, record)
    local deadline, taken, window, consumer, list = string.match(record or '', '^(%d+) (%d+) (%d) ([^ ]+) (.+)$')
    local runs, lapsed = {}, {}
    for first, mark, last, attempt in string.gmatch(list or '', '(%d+)([-~])(%d+)%*(%d+)') do
        local part = (deadline == '0' or mark == '~') and lapsed or runs
        part[#part + 1] = {tonumber(first), tonumber(last), tonumber(attempt)}
    end
    if #runs > 1 then
        table.sort(runs, function (a, b) return a[1] < b[1] end)
    end
    return list ~= nil and {number = number, deadline = tonumber(deadline), taken = taken, window = window,
        consumer = consumer, runs = runs, lapsed = lapsed}
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
    for _, run in ipairs(lease.runs) do
        list[#list + 1] = string.format('%.0f-%.0f*%d', run[1], run[2], run[3])
    end
    for _, run in ipairs(lease.lapsed) do
        list[#list + 1] = string.format(lease.deadline > 0 and '%.0f~%.0f*%d' or '%.0f-%.0f*%d', run[1], run[2], run[3])
    end
    if #list == 0 then
        return put('HDEL leases', lease.number)
    end
    put('HSET leases', lease.number, string.format('%.0f %s %s %s %s', lease.deadline, lease.taken, lease.window,
        lease.consumer, table.concat(list, ',')))
end

