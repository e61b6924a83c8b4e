-- letter: reads a dead letter. No step of its own.
--
-- read_letter(letter)   its attempts, dead_ms, consumer ('-': none), reason, envelope
local function read_letter(letter)
    local attempts, dead_ms, consumer, size, at = string.match(letter, '^(%d+) (%d+) ([^ ]+) (%d+) ()')
    return attempts, dead_ms, consumer, string.sub(letter, at, at + size - 1), string.sub(letter, at + size)
end

