-- Posts the bodies of a file in turn, so that no cache could answer.
local requests = {}
local at = 0

function init(args)
  for line in io.lines(args[1]) do
    local headers = { ["Content-Type"] = "application/json" }
    if args[2] then headers["Authorization"] = "Bearer " .. args[2] end
    requests[#requests + 1] = wrk.format("POST", nil, headers, line)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end
