#include "redis/client.h"

#include <poll.h>

#include <algorithm>
#include <utility>

namespace holdfast::redis {
namespace {

timeval time_of(Duration duration) { return {.tv_sec = duration.ms / 1000, .tv_usec = duration.ms % 1000 * 1000}; }

}  // namespace

Result<std::unique_ptr<Client>> Client::connect(const Settings& settings, Duration timeout) {
  const auto refused = [&settings](std::string_view why) {
    return fail(ErrorCode::Unavailable, "error connecting to redis at " + settings.address() + ": " + std::string(why));
  };
  std::unique_ptr<Client> client(new Client);
  client->context_.reset(redisConnectWithTimeout(settings.host.c_str(), settings.port, time_of(std::min(settings.dial_timeout, timeout))));
  auto& context = client->context_;
  if (!context) return refused("no memory");
  if (context->err != 0) return refused(context->errstr);
  redisSetTimeout(context.get(), time_of(settings.read_timeout));
  redisEnableKeepAlive(context.get());
  const auto ask = [&](const std::vector<std::string_view>& command) -> Result<void> {
    auto reply = client->ask(command);
    if (!reply) return refused(reply.error().message);
    if (is_error(**reply)) return refused(text_of(**reply));
    return {};
  };
  if (!settings.user.empty()) {
    if (auto ok = ask({"AUTH", settings.user, settings.password}); !ok) return fail(std::move(ok.error()));
  } else if (!settings.password.empty()) {
    if (auto ok = ask({"AUTH", settings.password}); !ok) return fail(std::move(ok.error()));
  }
  if (settings.database != 0)
    if (auto ok = ask({"SELECT", std::to_string(settings.database)}); !ok) return fail(std::move(ok.error()));
  if (auto ok = ask({"PING"}); !ok) return fail(std::move(ok.error()));
  return client;
}

bool Client::has_ended() const {
  if (context_->err != 0) return true;
  pollfd waiting{.fd = context_->fd, .events = POLLIN, .revents = 0};
  // Nothing is owed to us: whatever can be read is the end.
  return ::poll(&waiting, 1, 0) != 0;
}

void Client::append(const std::vector<std::string_view>& command) {
  std::vector<const char*> words;
  std::vector<std::size_t> sizes;
  words.reserve(command.size());
  sizes.reserve(command.size());
  for (const auto word : command) {
    words.push_back(word.data());
    sizes.push_back(word.size());
  }
  redisAppendCommandArgv(context_.get(), static_cast<int>(words.size()), words.data(), sizes.data());
}

Result<Reply> Client::read() {
  void* reply = nullptr;
  if (redisGetReply(context_.get(), &reply) != REDIS_OK || reply == nullptr)
    return fail(ErrorCode::Unavailable, context_->err == REDIS_ERR_IO && errno == EAGAIN ? "no answer in time" : context_->errstr);
  return Reply(static_cast<redisReply*>(reply));
}

Result<Reply> Client::ask(const std::vector<std::string_view>& command) {
  append(command);
  return read();
}

}  // namespace holdfast::redis
