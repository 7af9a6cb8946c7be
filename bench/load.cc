// bench_load: puts load on a gateway, or on an endpoint of functions as the runtime would, and says in one JSON object what came of it.
//
//   bench_load --mode send|call|endpoint|path --url http://127.0.0.1:9999 [--connections 64] [--keys 1000] [--seconds 5 | --count N]
//              [--bytes 16] [--function bench/counter] [--seed 1]
//              [--in-turn yes|no] keys one after the other, instead of random ones
//              endpoint only: [--batch 1] messages of one request, [--caller yes|no] whether each expects an answer,
//              [--type bench/greeting --value '{"t":1}'] what each holds, instead of text of --bytes
//              path: POST to the URL as it is, k0000000 in it being the key; --type is then the content type of --value
//
// Exit code 1: there were errors; the JSON says which.
#include <sys/resource.h>

#include <cstdio>
#include <string>

#include "bench/arguments.h"
#include "bench/closed_loop.h"
#include "bench/requests.h"
#include "codec/standard_types.h"
#include "net/url.h"

using namespace holdfast;
using namespace holdfast::bench;

namespace {

double own_cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "bench_load: %s\n", why.c_str());
  std::exit(1);
}

// What the endpoint says to a request without states: which it wants.
model::IncompleteContext declaration_of(const net::Url& url, Requests first_contact) {
  const auto response = ask_once(url, first_contact.for_key(0));
  if (!response) give_up(response.error().message);
  if (response->status != 200) give_up("the endpoint answers with status " + std::to_string(response->status));
  const auto answer = codec::parse_from_function(response->body);
  if (!answer) give_up("the endpoint's answer: " + answer.error().message);
  const auto* incomplete = std::get_if<model::IncompleteContext>(&*answer);
  return incomplete == nullptr ? model::IncompleteContext{} : *incomplete;
}

void print(const std::string& mode, const LoopPlan& plan, const Workload& workload, const LoopOutcome& outcome, double cpu) {
  const Histogram& h = outcome.latency_ns;
  const double messages = static_cast<double>(h.count() * workload.batch);
  std::string errors;
  for (const auto& [what, times] : outcome.errors)
    errors += (errors.empty() ? "" : ",") + codec::quote_json(what) + ":" + std::to_string(times);
  const auto us = [&](double share) { return static_cast<double>(h.quantile(share)) / 1e3; };
  std::printf(
      "{\"mode\":%s,\"connections\":%zu,\"keys\":%llu,\"batch\":%zu,\"seconds\":%.6f,\"requests\":%llu,\"messages\":%.0f,"
      "\"rate\":%.1f,\"mean_us\":%.1f,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f,"
      "\"driver_cpu_us\":%.3f,\"errors\":{%s},\"first_error\":%s}\n",
      codec::quote_json(mode).c_str(), plan.connections, static_cast<unsigned long long>(plan.keys), workload.batch, outcome.seconds,
      static_cast<unsigned long long>(h.count()), messages, outcome.seconds > 0 ? messages / outcome.seconds : 0, h.mean() / 1e3,
      us(0.5), us(0.9), us(0.99), us(0.999), static_cast<double>(h.max()) / 1e3, messages > 0 ? cpu * 1e6 / messages : 0, errors.c_str(),
      codec::quote_json(outcome.first_error).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv, {"mode", "url", "connections", "keys", "seconds", "count", "bytes", "function", "seed", "batch", "caller",
                                          "type", "value", "in-turn"});
  if (!arguments.words().empty()) usage("unexpected " + arguments.words().front());
  const std::string mode = arguments.text("mode", "");
  if (mode != "send" && mode != "call" && mode != "endpoint" && mode != "path")
    usage("--mode: expected send, call, endpoint or path, got \"" + mode + "\"");
  const auto url = net::parse_url(arguments.text("url", ""));
  if (!url) usage("--url: " + url.error().message);
  if (url->tls) usage("--url: expected http, got https");

  Workload workload;
  workload.function = arguments.text("function", workload.function);
  workload.value_bytes = arguments.number<std::size_t>("bytes", 16, 0, 1 << 20);
  workload.batch = arguments.number<std::size_t>("batch", 1, 1, 1000);
  workload.has_caller = arguments.text("caller", "yes") == "yes";
  workload.value_type = arguments.text("type", "");
  workload.value = arguments.text("value", "");
  if ((mode == "send" || mode == "call") && !workload.value_type.empty()) usage("--type is for --mode endpoint and path");
  if (mode != "endpoint" && workload.batch != 1) usage("--batch is for --mode endpoint");

  LoopPlan plan;
  plan.server = *url;
  plan.connections = arguments.number<std::size_t>("connections", 64, 1, 10'000);
  plan.keys = arguments.number<std::uint64_t>("keys", 1000, 1, kKeysMax);
  plan.in_turn = arguments.text("in-turn", "no") == "yes";
  plan.seed = arguments.number<std::uint64_t>("seed", 1, 0, UINT64_MAX);
  plan.seconds = arguments.number<double>("seconds", 5, 0.01, 3600);
  plan.count = arguments.number<std::uint64_t>("count", 0, 0, UINT64_MAX);
  plan.expected_status = mode == "send" ? 202 : 200;

  const std::string host = url->host_header();
  const auto requests_of = [&]() -> Result<Requests> {
    if (mode == "path") return Requests::to_path(workload, host, url->target);
    if (mode == "endpoint")
      return Requests::to_endpoint(workload, host, url->target,
                                   declaration_of(*url, Requests::first_contact(workload, host, url->target)));
    return Requests::to_gateway(workload, host, mode);
  };
  auto requests = requests_of();
  if (!requests) usage("--url: " + requests.error().message);

  const double cpu_before = own_cpu_seconds();
  const auto outcome = run_closed_loop(plan, *std::move(requests));
  if (!outcome) give_up(outcome.error().message);
  print(mode, plan, workload, *outcome, own_cpu_seconds() - cpu_before);
  return outcome->errors.empty() ? 0 : 1;
}
