#include "holdfast/sdk/module.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

#include "handling.h"

namespace holdfast::sdk::detail {

namespace {

struct Instance {
  holdfast_host host{};
  Functions functions;
};

std::string what_of(const std::exception_ptr& error) { return Failure(error).reason; }

void write_error(std::string_view text, char* error, std::size_t error_size) {
  if (error == nullptr || error_size == 0) return;
  const std::size_t size = std::min(text.size(), error_size - 1);
  std::memcpy(error, text.data(), size);
  error[size] = '\0';
}

void give(const holdfast_host& host, holdfast_call call, const Answer& answer) {
  if (answer.status == Answer::Status::Ok) host.answer(call, answer.body.data(), answer.body.size());
  else host.fail(call, answer.body.data(), answer.body.size());
}

// Answers keep their memory from call to call, up to a bound. It is not there while it is used: `host.answer` may call us again.
class BorrowedAnswer {
 public:
  BorrowedAnswer() { answer_.body = std::move(room()); }
  ~BorrowedAnswer() {
    if (answer_.body.capacity() <= kHeldBytesMax) room() = std::move(answer_.body);
  }
  BorrowedAnswer(const BorrowedAnswer&) = delete;
  BorrowedAnswer& operator=(const BorrowedAnswer&) = delete;
  Answer& operator*() { return answer_; }

 private:
  static constexpr std::size_t kHeldBytesMax = 256 * 1024;
  static std::string& room() {
    thread_local std::string bytes;
    return bytes;
  }
  Answer answer_;
};

void invoke(void* instance, const holdfast_request* request) noexcept {
  auto& self = *static_cast<Instance*>(instance);
  const holdfast_call call = request->call;
  const std::string_view bytes(static_cast<const char*>(request->bytes), request->size);
  try {
    {
      BorrowedAnswer answer;
      if (answer_now(self.functions, bytes, *answer)) return give(self.host, call, *answer);
    }
    answer_later(self.functions, bytes, [&self, call](Answer&& answer) { give(self.host, call, answer); });
  } catch (...) {
    const std::string reason = what_of(std::current_exception());
    self.host.fail(call, reason.data(), reason.size());
  }
}

void destroy(void* instance) noexcept { delete static_cast<Instance*>(instance); }

}  // namespace

ModuleEntry::ModuleEntry(Make make, Create create, const char* build) noexcept : make_(make) {
  try {
    first_.emplace(make_());
    for (const auto& type : first_->types()) types_.push_back(type);
    for (const auto& type : types_) {
      const bool blocks = first_->find(type)->execution == Execution::Blocking;
      functions_.push_back({type.c_str(), blocks ? std::uint32_t{HOLDFAST_BLOCKING} : std::uint32_t{HOLDFAST_QUICK}, 0});
    }
  } catch (...) {
    failure_ = what_of(std::current_exception());
    if (failure_.empty()) failure_ = "an exception without a text";
    functions_.clear();
    first_.reset();
  }
  descriptor_.struct_size = sizeof descriptor_;
  descriptor_.abi_major = HOLDFAST_ABI_MAJOR;
  descriptor_.abi_minor = HOLDFAST_ABI_MINOR;
  descriptor_.sdk = "holdfast-sdk-cpp " HOLDFAST_SDK_VERSION;
  descriptor_.build = build;
  descriptor_.functions = functions_.data();
  descriptor_.function_count = functions_.size();
  descriptor_.function_size = sizeof(holdfast_function);
  descriptor_.create = create;
  descriptor_.invoke = &invoke;
  descriptor_.stop = nullptr;  // What functions share ends with them, in destroy().
  descriptor_.destroy = &destroy;
  if (!failure_.empty()) descriptor_.failure = failure_.c_str();
}

void* ModuleEntry::create(const holdfast_host* host, char* error, std::size_t error_size) noexcept {
  if (!failure_.empty()) {
    write_error(failure_, error, error_size);
    return nullptr;
  }
  try {
    auto out = std::make_unique<Instance>();
    std::memcpy(&out->host, host, std::min(host->struct_size, sizeof out->host));  // An older host's is shorter.
    {
      const std::lock_guard lock(mutex_);
      if (first_) out->functions = *std::exchange(first_, std::nullopt);
    }
    if (out->functions.types().empty()) out->functions = make_();
    return out.release();
  } catch (...) {
    write_error(what_of(std::current_exception()), error, error_size);
    return nullptr;
  }
}

}  // namespace holdfast::sdk::detail
