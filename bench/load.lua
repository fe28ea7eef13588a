-- SPDX-License-Identifier: ISC
--
-- What wrk asks for: the requests of a file, a line each, in turn:
--
--	METHOD TAB path TAB name: value|name: value TAB body
--
-- Arguments: the file, how many threads there are, and the mean pause of a
-- connection between two requests in milliseconds (0: none, as fast as it
-- goes).  The last line of the output is the result, one JSON object.

local count = 0

function setup(thread)
  thread:set("number", count)
  count = count + 1
end

local function headers_of(text)
  local headers = {}
  for name, value in text:gmatch("([^|]+): ([^|]+)") do
    headers[name] = value
  end
  return headers
end

local requests, at, pause = {}, 0, 0

function init(args)
  local threads, n = tonumber(args[2]), 0
  pause = tonumber(args[3])
  for line in io.lines(args[1]) do
    if n % threads == number then
      local method, path, headers, body =
        line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$")
      requests[#requests + 1] = wrk.format(method, path, headers_of(headers),
        body ~= "" and body or nil)
    end
    n = n + 1
  end
  math.randomseed(os.time() + number)
  if pause > 0 then
    function delay()
      return math.random(math.floor(pause / 2), math.floor(pause * 3 / 2))
    end
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '{"rate": %f, "requests": %d, "refused": %d, "lost": %d, ' ..
    '"p50": %f, "p99": %f}\n',
    summary.requests / summary.duration * 1e6, summary.requests, e.status,
    e.connect + e.read + e.write + e.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
