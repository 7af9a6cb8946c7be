// hiredis, as far as it is used here: one connection that sends commands and reads their answers in order.
#pragma once

#include <hiredis/hiredis.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "redis/settings.h"

namespace holdfast::redis {

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

[[nodiscard]] inline std::string_view text_of(const redisReply& reply) { return {reply.str, reply.len}; }
[[nodiscard]] inline bool is_error(const redisReply& reply) { return reply.type == REDIS_REPLY_ERROR; }

class Client {
 public:
  // Connected, logged in, and in its database. Unavailable: not within `timeout`, or refused.
  [[nodiscard]] static Result<std::unique_ptr<Client>> connect(const Settings& settings, Duration timeout);

  // Whether the server has ended a connection that nobody was using. What is sent after a no may still fail, but was not lost before.
  [[nodiscard]] bool has_ended() const;
  void append(const std::vector<std::string_view>& command);
  // The next answer, errors of the server among them. Unavailable: the connection is lost, and with it all answers that were not read.
  [[nodiscard]] Result<Reply> read();
  [[nodiscard]] Result<Reply> ask(const std::vector<std::string_view>& command);

 private:
  struct Free {
    void operator()(redisContext* context) const { redisFree(context); }
  };
  Client() = default;
  std::unique_ptr<redisContext, Free> context_;
};

}  // namespace holdfast::redis
