// bench_stub_endpoint [PORT]: the function bench/counter as a C++ endpoint, StateFun request-reply v3, as cheap as we can make it: what is
// measured through it is the runtime. One state, `seen` (long), plus one for each message; answers the caller, if there is one,
// with the count. functions.js is the same on the unmodified JavaScript SDK. Prints "listening on URL"; ends by a signal.
#include <cstdio>
#include <string>

#include "base/check.h"
#include "bench/arguments.h"
#include "codec/standard_types.h"
#include "codec/statefun_v3.h"
#include "net/event_loop.h"
#include "net/http_server.h"

using namespace holdfast;

namespace {

constexpr std::string_view kSeen = "seen";

net::HttpResponse refusal(std::string why) { return {400, {{"content-type", "text/plain"}}, std::move(why)}; }

net::HttpResponse invoke(std::string_view body) {
  auto batch = codec::parse_to_function(body);
  if (!batch) return refusal(batch.error().message);

  net::HttpResponse out{200, {{"content-type", "application/octet-stream"}}, {}};
  if (batch->states.empty() || batch->states.front().name != kSeen) {
    codec::append_from_function(out.body, model::IncompleteContext{{{std::string(kSeen), std::string(model::kLongType), {}, {}}}});
    return out;
  }
  std::int64_t seen = 0;
  if (const auto& value = batch->states.front().value) {
    const auto decoded = codec::decode_long(value->value);
    if (!decoded) return refusal(decoded.error().message);
    seen = *decoded;
  }
  model::InvocationResponse response;
  for (auto& invocation : batch->invocations) {
    ++seen;
    if (invocation.caller)
      response.sends.push_back({std::move(*invocation.caller), {std::string(model::kLongType), codec::encode_long(seen)}});
  }
  response.mutations.push_back(
      {model::StateMutation::Kind::Modify, std::string(kSeen), std::string(model::kLongType), codec::encode_long(seen)});
  codec::append_from_function(out.body, response);
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments(argc, argv, {});
  net::ListenSpec spec;
  if (!arguments.words().empty()) spec.port = static_cast<std::uint16_t>(std::stoul(arguments.words().front()));
  net::EventLoop loop;
  auto server = net::HttpServer::listen({&loop}, spec, {}, [](net::HttpRequest&& request, net::Responder responder) {
    responder.send(invoke(request.body));
  });
  if (!server) bench::usage(server.error().message);
  std::printf("listening on http://127.0.0.1:%u/statefun\n", (*server)->port());
  std::fflush(stdout);
  loop.run();
}
