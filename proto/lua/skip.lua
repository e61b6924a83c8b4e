-- skip: where a msgpack value ends. No step of its own: it stands at the top of those that look into members.
--
-- skip(member, at)   the place behind the value that begins at `at`: behind an envelope begins the next one
local sizes, width -- made when first needed: most calls of a script need none
local function skip(member, at)
    sizes = sizes or {4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 2, 3, 5, 9, 17} -- bytes behind 0xca … 0xd8
    width = width or {[0xc4] = 1, [0xc5] = 2, [0xc6] = 4, [0xc7] = 1, [0xc8] = 2, [0xc9] = 4, [0xd9] = 1,
        [0xda] = 2, [0xdb] = 4, [0xdc] = 2, [0xdd] = 4, [0xde] = 2, [0xdf] = 4} -- of the size or count
    local left = 1
    while left > 0 and at <= #member do
        local byte = string.byte(member, at)
        left, at = left - 1, at + 1
        if byte >= 0x80 and byte < 0x90 then
            left = left + 2 * (byte - 0x80)
        elseif byte >= 0x90 and byte < 0xa0 then
            left = left + byte - 0x90
        elseif byte >= 0xa0 and byte < 0xc0 then
            at = at + byte - 0xa0
        elseif sizes[byte - 0xc9] then
            at = at + sizes[byte - 0xc9]
        elseif width[byte] then
            local size = struct.unpack('>I' .. width[byte], member, at)
            at = at + width[byte]
            if byte >= 0xdc then
                left = left + (byte >= 0xde and 2 or 1) * size
            else
                at = at + size + (byte >= 0xc7 and byte <= 0xc9 and 1 or 0)
            end
        end
    end
    return at
end

