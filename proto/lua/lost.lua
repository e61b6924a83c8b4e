-- lost: what a torn transaction brings back. No step of its own: it stands at the top of append.lua, due.lua and
-- expire.lua, before join.lua.
--
-- newest_jump(jumped)          first and last id of its row, by meta's field of that name; 0, 0: there was none
-- is_lost(id, head, jumped)    whether nothing of that id can be there but by a torn transaction
-- Keeps   KEYSPACE.md 12.
local function newest_jump(jumped)
    local first, last = string.match(jumped or '0 0', '^(%d+) (%d+)$')
    return tonumber(first), tonumber(last)
end

local function is_lost(id, head, jumped)
    local first, last = newest_jump(jumped)
    return id > head or id >= first and id <= last
end
