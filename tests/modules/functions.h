// What the functions of the tests do. The text of a message is what to do:
//
//   "fail TEXT"   a failure with this reason             "throw TEXT"   an exception leaves invoke()
//   "silence"     no answer until stop()                  "garbage"      an answer that is no FromFunction
//   "twice"       two answers                             "sleep MS"     takes so long
//   "large N"     an answer of so many bytes               "trace"        answered with the trace context of the call
//   "wait FILE"   waits until the file is there           anything else  is counted in state "count" and answered "v<version>: <count>"
//
// The function's name says how it answers: test/counter within invoke(), on the shard; test/blocking the same on the pool; test/async from a
// thread of the module.
#pragma once

#include <holdfast/module_abi.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "wire.h"

namespace test_functions {

struct Work {
  holdfast_call call;
  std::string request;
  std::string traceparent;
};

class Instance {
 public:
  Instance(const holdfast_host* host, int version) : host_(host), version_(version), thread_([this] { run(); }) {}
  ~Instance() {
    stop();
    thread_.join();
  }

  void stop() {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
    for (const holdfast_call call : silent_) host_->fail(call, "stopping", 8);
    silent_.clear();
  }
  void later(Work work) {
    std::unique_lock lock(mutex_);
    work_.push_back(std::move(work));
    wake_.notify_all();
  }

  void handle(holdfast_call call, std::string_view request, std::string_view traceparent) {
    const std::string_view batch = wire::bytes(request, 100);
    std::string_view state;
    bool declared = false;
    for (const auto& f : wire::fields(batch)) {
      if (f.number != 2) continue;
      declared = true;
      state = wire::bytes(f.bytes, 2);
    }
    if (!declared) return answer(call, wire::field(101, wire::field(1, wire::field(1, "count") + wire::field(3, "io.statefun.types/string"))));
    long count = state.empty() ? 0 : std::stol(std::string(wire::text_of(state)));
    std::string out;
    for (const auto& f : wire::fields(batch)) {
      if (f.number != 3) continue;
      const std::string text(wire::text_of(wire::bytes(f.bytes, 2)));
      const std::string rest = text.substr(std::min(text.size(), text.find(' ') + 1));
      if (text.starts_with("fail")) return (void)host_->fail(call, rest.data(), rest.size());
      if (text.starts_with("throw")) throw std::runtime_error(rest);
      if (text == "silence") {
        std::unique_lock lock(mutex_);
        return silent_.push_back(call);
      }
      if (text.starts_with("large ")) return answer(call, std::string(std::stoul(rest), 'x'));
      if (text == "garbage") return answer(call, "\xff\xff\xff");
      if (text == "twice") answer(call, "");
      if (text.starts_with("sleep ")) std::this_thread::sleep_for(std::chrono::milliseconds(std::stol(rest)));
      if (text.starts_with("wait "))
        while (!std::filesystem::exists(rest)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      ++count;
      const std::string_view caller = wire::bytes(f.bytes, 1);
      const std::string reply = text == "trace" ? std::string(traceparent) : "v" + std::to_string(version_) + ": " + std::to_string(count);
      if (!caller.empty()) out += wire::field(2, wire::field(1, caller) + wire::field(2, wire::text(reply)));
    }
    out += wire::field(1, wire::number_field(1, 1) + wire::field(2, "count") + wire::field(3, wire::text(std::to_string(count))));
    answer(call, wire::field(100, out));
  }

 private:
  void answer(holdfast_call call, std::string_view bytes) const { host_->answer(call, bytes.data(), bytes.size()); }
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return stopping_ || !work_.empty(); });
      if (work_.empty()) return;
      const Work work = std::move(work_.front());
      work_.pop_front();
      lock.unlock();
      try {
        handle(work.call, work.request, work.traceparent);
      } catch (const std::exception& error) {
        const std::string_view why = error.what();
        host_->fail(work.call, why.data(), why.size());
      }
      lock.lock();
    }
  }

  const holdfast_host* host_;
  const int version_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Work> work_;
  std::vector<holdfast_call> silent_;
  bool stopping_ = false;
  std::thread thread_;
};

inline constexpr std::size_t kAsync = 0;  // Index of the function below that answers later.
inline const holdfast_function kFunctions[] = {
    {"test/async", HOLDFAST_QUICK, 0}, {"test/blocking", HOLDFAST_BLOCKING, 0}, {"test/counter", HOLDFAST_QUICK, 0}};

template <int version>
void* create(const holdfast_host* host, char* /*error*/, std::size_t /*error_size*/) {
  return new Instance(host, version);
}

inline void invoke(void* instance, const holdfast_request* request) {
  auto& self = *static_cast<Instance*>(instance);
  const std::string_view bytes(static_cast<const char*>(request->bytes), request->size);
  const std::string_view traceparent(request->traceparent, request->traceparent_size);
  if (request->function == kAsync) return self.later({request->call, std::string(bytes), std::string(traceparent)});
  self.handle(request->call, bytes, traceparent);
}

}  // namespace test_functions
