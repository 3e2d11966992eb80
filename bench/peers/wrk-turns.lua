-- Appended to wrk-report.lua: the values of one request field take turns. Arguments: its name, the values.
local turns, at = {}, 0
function init(args)
  for i = 2, #args do
    turns[i - 1] = wrk.format(nil, nil, { [args[1]] = args[i] })
  end
end
function request()
  at = at % #turns + 1
  return turns[at]
end
