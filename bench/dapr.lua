-- What wrk sends for bench/dapr.py: `wrk -s dapr.lua URL -- WHAT KEYS VALUE_BYTES`; WHAT is save, get or transaction. Ends with one line of JSON.
local what, keys, value, path

function init(arguments)
  what, keys = arguments[1], tonumber(arguments[2])
  value = string.rep("v", tonumber(arguments[3]))
  path = "/v1.0/state/statestore"
  math.randomseed(os.time())
end

local function key()
  return string.format("k%07d", math.random(keys) - 1)
end

local function upsert()
  return '{"operation":"upsert","request":{"key":"' .. key() .. '","value":"' .. value .. '"}}'
end

function request()
  if what == "get" then
    return wrk.format("GET", path .. "/" .. key())
  elseif what == "save" then
    return wrk.format("POST", path, {["content-type"] = "application/json"}, '[{"key":"' .. key() .. '","value":"' .. value .. '"}]')
  end
  local body = '{"operations":[' .. upsert() .. "," .. upsert() .. "," .. upsert() .. "]}"
  return wrk.format("POST", path .. "/transaction", {["content-type"] = "application/json"}, body)
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format('{"requests":%d,"microseconds":%d,"p50_us":%d,"p99_us":%d,"errors":%d}', summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
