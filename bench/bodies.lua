-- Which request does wrk send next? The next of a file: each is its length in ten digits, and its bytes.
-- At the end it prints, as JSON, how many were answered and how many of them not with 200.

local requests, at = {}, 0

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  local length = file:read(10)
  while length do
    requests[#requests + 1] = file:read(tonumber(length))
    length = file:read(10)
  end
  at = tonumber(arguments[2])
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary)
  local errors = summary.errors
  io.write(string.format('\n{"answered": %d, "failed": %d, "microseconds": %d}\n', summary.requests,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout, summary.duration))
end
