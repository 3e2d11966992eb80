-- Appended to wrk-report.lua: each request is a POST with a body of as many octets as the first argument says.
function init(args)
  wrk.method = "POST"
  wrk.body = string.rep("0123456789abcdef", tonumber(args[1]) / 16)
end
