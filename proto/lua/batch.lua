-- batch: the messages of a batch as they stand in append.lua's ARGV, in members of one envelope or of several. No step of
-- its own: it stands at the top of append.lua, behind skip.lua and join.lua.
--
-- envelope_of(index)             the envelope of a message, indexes from 1
-- restamped(first, time, told)   the members anew, without the messages told, with ids from `first` on, each with its
--                                score before it; and how many messages they hold
-- Keeps   KEYSPACE.md 1, 2: what shared a member still does.
local envelopes -- made when first needed: the common path needs none
local function envelope_of(index)
    if not envelopes then
        envelopes = {}
        for i = 12, 10 + 2 * ARGV[7], 2 do
            local last, at = ARGV[i] - ARGV[5] + 1, 1
            while #envelopes < last - 1 do
                local behind = skip(ARGV[i + 1], at)
                envelopes[#envelopes + 1], at = string.sub(ARGV[i + 1], at, behind - 1), behind
            end
            envelopes[last] = string.sub(ARGV[i + 1], at)
        end
    end
    return envelopes[index]
end

local function restamped(first, time, told)
    local members, index, id = {}, 0, first
    for i = 12, 10 + 2 * ARGV[7], 2 do
        local envelopes_left = {}
        for _ = index + 1, ARGV[i] - ARGV[5] + 1 do
            index = index + 1
            if not told[tostring(index)] then
                envelopes_left[#envelopes_left + 1] = stamped(envelope_of(index), id, time)
                id = id + 1
            end
        end
        if #envelopes_left > 0 then
            add(members, id - 1, table.concat(envelopes_left))
        end
    end
    return members, id - first
end

