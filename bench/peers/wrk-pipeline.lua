-- Appended to wrk-report.lua: sends as many requests in one write as the first argument says.
local batch
function init(args)
  local one = wrk.format()
  batch = string.rep(one, tonumber(args[1]))
end
function request()
  return batch
end
