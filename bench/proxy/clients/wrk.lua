-- wrk's script: sends the requests of the file BENCH_REQUESTS in turn and prints its result as one line of JSON.

local requests = {}
local sent = 0

function init()
  local file = assert(io.open(os.getenv("BENCH_REQUESTS"), "rb"))
  for head in file:read("*a"):gmatch("(.-\r\n\r\n)") do
    requests[#requests + 1] = head
  end
  file:close()
end

function request()
  sent = sent + 1
  return requests[sent % #requests + 1]
end

function done(summary, latency)
  local e = summary.errors
  print(string.format(
    '{"requests":%d,"errors":%d,"perSecond":%.1f,"p50Ms":%.3f,"p99Ms":%.3f}',
    summary.requests,
    e.connect + e.read + e.write + e.status + e.timeout,
    summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000,
    latency:percentile(99) / 1000
  ))
end
