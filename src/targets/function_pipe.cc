#include "targets/function_pipe.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/time.h"
#include "net/call_frame.h"
#include "targets/statefun_answer.h"

namespace holdfast::targets {

namespace {

// Leaving connections of one URL at once: a server that says goodbye again and again is not offered more.
constexpr std::size_t kLeavingMax = 4;

net::CallPipeOptions pipe_options(const model::EndpointSpec& spec) {
  net::CallPipeOptions options;
  options.call_timeout = spec.call_timeout;
  // An answer comes whole: its first byte is as late as it is.
  if (spec.read_timeout && *spec.read_timeout < spec.call_timeout) {
    options.call_timeout = *spec.read_timeout;
    options.timeout_name = "read_timeout";
  }
  options.write_timeout = spec.write_timeout.value_or(spec.call_timeout);
  options.idle_timeout = spec.idle_timeout;
  options.age_max = spec.connection_age_max;
  options.answer_bytes_max = spec.payload_bytes_max;
  return options;
}

}  // namespace

// One connection and its calls.
class FunctionPipe::Line final : public net::CallReceiver {
 public:
  explicit Line(FunctionPipe& owner)
      : owner_(owner), pipe_(net::CallPipe::open(owner.loop_, owner.client_, owner.path_and_query_, owner.options_, *this)) {}
  ~Line() override { pipe_->shut(); }

  [[nodiscard]] net::CallPipe& pipe() { return *pipe_; }
  [[nodiscard]] bool has_answered() const { return has_answered_; }
  [[nodiscard]] bool was_open() const { return was_open_; }

  void keep(std::uint32_t slot, Done done) {
    if (slot >= calls_.size()) calls_.resize(slot + 1);
    calls_[slot] = std::move(done);
  }

  void on_answer(std::uint32_t slot, std::string_view body) override {
    has_answered_ = true;
    const Done done = std::exchange(calls_[slot], nullptr);
    done(judge_effects(owner_.url_, model::FunctionProtocol::V3, body));
  }

  void on_failed(std::uint32_t slot, const net::CallFailure& failure) override {
    const Done done = std::exchange(calls_[slot], nullptr);
    done(judge(failure));
  }

  void on_unsent(std::uint32_t slot, std::string_view traceparent, std::string_view body) override {
    owner_.fallback_(traceparent, std::string(body), std::exchange(calls_[slot], nullptr));
  }

  void on_open() override {
    was_open_ = true;
    owner_.on_open(*this);
  }

  void on_aged() override { owner_.on_aged(*this); }

  void on_closed(std::string_view why) override { owner_.on_closed(*this, why); }

 private:
  [[nodiscard]] model::InvocationOutcome judge(const net::CallFailure& failure) const {
    using Kind = net::CallFailure::Kind;
    using ErrorKind = net::ClientError::Kind;
    const std::string message(failure.message);
    switch (failure.kind) {
      case Kind::Status: return judge_answer(owner_.url_, model::FunctionProtocol::V3, {failure.status, {}, message});
      case Kind::TooLarge: return judge_error(owner_.url_, owner_.payload_bytes_max_, {ErrorKind::TooLarge, message});
      case Kind::Timeout: return judge_error(owner_.url_, owner_.payload_bytes_max_, {ErrorKind::Timeout, message});
      case Kind::Lost: break;
    }
    return judge_error(owner_.url_, owner_.payload_bytes_max_, {ErrorKind::Disconnected, "the pipelined connection was lost: " + message});
  }

  FunctionPipe& owner_;
  bool has_answered_ = false;
  bool was_open_ = false;
  std::vector<Done> calls_;  // By slot.
  std::shared_ptr<net::CallPipe> pipe_;
};

FunctionPipe::FunctionPipe(net::EventLoop& loop, net::HttpClient& client, std::string url, std::string path_and_query,
                           const model::EndpointSpec& spec, Fallback fallback, PipePauses pauses, ByteBudget* room)
    : loop_(loop),
      client_(client),
      url_(std::move(url)),
      path_and_query_(std::move(path_and_query)),
      payload_bytes_max_(spec.payload_bytes_max),
      options_(pipe_options(spec)),
      fallback_(std::move(fallback)),
      pauses_(pauses),
      pause_(pauses.first) {
  options_.room = room;
}

FunctionPipe::~FunctionPipe() = default;

void FunctionPipe::look_at(const net::HttpResponse& response) {
  const auto offer = response.headers.find("upgrade");
  if (!offer || !net::has_token(*offer, net::kCallProtocol) || next_ != nullptr) return;
  if (line_ != nullptr) {
    if (line_->pipe().state() != net::CallPipe::State::Leaving || leaving_.size() == kLeavingMax) return;
    leaving_.push_back(std::move(line_));
  }
  if (monotonic_us() >= not_before_us_) line_ = std::make_unique<Line>(*this);
}

void FunctionPipe::on_open(Line& line) {
  if (!std::exchange(is_announced_, true)) log_info("calls are pipelined", {{"url", url_}});
  if (&line != next_.get()) return;
  if (line_ != nullptr) {
    if (line_->pipe().state() == net::CallPipe::State::Open) line_->pipe().leave();
    leaving_.push_back(std::move(line_));
  }
  line_ = std::move(next_);
}

void FunctionPipe::on_aged(Line& line) {
  if (&line != line_.get() || next_ != nullptr) return;
  if (line.pipe().pending() == 0) return line.pipe().leave();  // Nobody misses it just now.
  if (leaving_.size() == kLeavingMax) return;
  if (monotonic_us() >= not_before_us_) next_ = std::make_unique<Line>(*this);
}

bool FunctionPipe::takes(std::size_t traceparent_bytes, std::size_t body_bytes) const {
  return line_ != nullptr && line_->pipe().takes(traceparent_bytes, body_bytes);
}

bool FunctionPipe::is_idle() const {
  return next_ == nullptr && (line_ == nullptr || line_->pipe().pending() == 0) &&
         std::ranges::all_of(leaving_, [](const auto& line) { return line->pipe().pending() == 0; });
}

std::string& FunctionPipe::begin_call(std::string_view traceparent, std::size_t body_bytes) {
  return line_->pipe().begin_call(traceparent, body_bytes);
}

void FunctionPipe::end_call(Done done) { line_->keep(line_->pipe().end_call(), std::move(done)); }

void FunctionPipe::on_closed(Line& line, std::string_view why) {
  if (line.has_answered()) pause_ = pauses_.first;
  if (!line.pipe().has_ended_well()) {
    is_announced_ = false;
    if (line.was_open()) log_info("calls are not pipelined any more", {{"url", url_}, {"why", why}});
    else log_warn("calls cannot be pipelined", {{"url", url_}, {"why", why}});
    not_before_us_ = monotonic_us() + static_cast<std::uint64_t>(pause_.ms) * 1000;
    pause_.ms = std::min(pause_.ms * 2, pauses_.max.ms);
  }
  if (&line == line_.get()) line_.reset();
  else if (&line == next_.get()) next_.reset();
  else std::erase_if(leaving_, [&line](const auto& each) { return each.get() == &line; });
}

}  // namespace holdfast::targets
