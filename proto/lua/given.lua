-- given: what a take has found so far: `runs` as it is given out, `letters`, how many are `left` to find. No step of
-- its own: it stands before from_ready.lua and from_log.lua.
local function give(given, first, last, attempt)
    local run = given.runs[#given.runs]
    if run and run[2] == first - 1 and run[3] == attempt then
        run[2] = last
    else
        given.runs[#given.runs + 1] = {first, last, attempt}
    end
    given.left = given.left - (last - first + 1)
end

