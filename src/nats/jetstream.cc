#include "nats/jetstream.h"

#include <utility>

#include "nats/wire.h"

namespace holdfast::nats {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::uint64_t kReadBatch = 1'000;
constexpr Duration kReadInactive{30'000};

struct StreamInfoDeleter {
  void operator()(jsStreamInfo* info) const { jsStreamInfo_Destroy(info); }
};
struct SubscriptionDeleter {
  void operator()(natsSubscription* subscription) const { natsSubscription_Destroy(subscription); }
};
struct ConsumerInfoDeleter {
  void operator()(jsConsumerInfo* info) const { jsConsumerInfo_Destroy(info); }
};

Error failure(const std::string& what, natsStatus status, jsErrCode code) {
  if (status == NATS_NO_RESPONDERS) return {ErrorCode::Unavailable, what + ": JetStream does not answer (not enabled, or not ready)"};
  if (code == JSStreamNotFoundErr || code == JSConsumerNotFoundErr || status == NATS_NOT_FOUND)
    return {ErrorCode::NotFound, describe(what, status)};
  // What the server answers with a code of its own it will answer again, but for what says that it is not ready or out of something.
  switch (code) {
    case JSConsumerNameExistErr:
    case JSConsumerFilterNotSubsetErr:
    case JSConsumerCreateErr:
    case JSConsumerWQConsumerNotUniqueErr:
    case JSConsumerWQMultipleUnfilteredErr:
    case JSConsumerWQConsumerNotDeliverAllErr:
    case JSConsumerWQRequiresExplicitAckErr:
    case JSConsumerBadDurableNameErr:
    case JSNotEnabledForAccountErr:
      return {ErrorCode::Invalid, describe(what, status)};
    default:
      return {ErrorCode::Unavailable, describe(what, status)};
  }
}

jsOptions with_timeout() {
  jsOptions options;
  jsOptions_Init(&options);
  options.Wait = kRequestTimeout.ms;
  return options;
}

std::string text_of(const char* text) { return text == nullptr ? std::string() : std::string(text); }

ConsumerState state_of(const jsConsumerInfo& info) {
  ConsumerState state;
  state.name = text_of(info.Name);
  if (info.Config != nullptr) {
    state.description = text_of(info.Config->Description);
    state.filter = text_of(info.Config->FilterSubject);
    state.is_pull = text_of(info.Config->DeliverSubject).empty();
    state.acks_each = info.Config->AckPolicy == js_AckExplicit;
  }
  state.delivered_stream = info.Delivered.Stream;
  state.delivered_consumer = info.Delivered.Consumer;
  state.acked_stream = info.AckFloor.Stream;
  state.ack_pending = info.NumAckPending > 0 ? static_cast<std::uint64_t>(info.NumAckPending) : 0;
  state.pending = info.NumPending;
  return state;
}

}  // namespace

Result<JetStream> JetStream::over(Connection& connection) {
  jsOptions options = with_timeout();
  jsCtx* context = nullptr;
  if (const auto status = natsConnection_JetStream(&context, connection.handle(), &options); status != NATS_OK)
    return fail(ErrorCode::Unavailable, describe("JetStream", status));
  return JetStream(connection.handle(), context);
}

Result<StreamState> JetStream::stream(const std::string& name) {
  jsOptions options = with_timeout();
  jsStreamInfo* found = nullptr;
  jsErrCode code{};
  const auto status = js_GetStreamInfo(&found, context_.get(), name.c_str(), &options, &code);
  const std::unique_ptr<jsStreamInfo, StreamInfoDeleter> info(found);
  if (status == NATS_NOT_FOUND || code == JSStreamNotFoundErr) return fail(ErrorCode::NotFound, "there is no stream " + name);
  if (status != NATS_OK) return fail(failure("stream " + name, status, code));
  StreamState state;
  state.incarnation = std::to_string(info->Created);
  state.last = info->State.LastSeq;
  state.messages = info->State.Msgs;
  state.bytes = info->State.Bytes;
  state.first = info->State.Msgs == 0 ? state.last + 1 : info->State.FirstSeq;
  if (info->Config != nullptr) {
    const jsStreamConfig& config = *info->Config;
    if (config.Retention == js_InterestPolicy) state.retention = StreamState::Retention::Interest;
    if (config.Retention == js_WorkQueuePolicy) state.retention = StreamState::Retention::WorkQueue;
    for (int i = 0; i < config.SubjectsLen; ++i) state.subjects.emplace_back(config.Subjects[i]);
    if (config.Discard == js_DiscardNew) {
      if (config.MaxMsgs > 0) state.refuses_above_messages = static_cast<std::uint64_t>(config.MaxMsgs);
      if (config.MaxBytes > 0) state.refuses_above_bytes = static_cast<std::uint64_t>(config.MaxBytes);
    }
    state.duplicates = Duration{config.Duplicates / kNsPerMs};
    state.message_bytes_max = config.MaxMsgSize > 0 ? config.MaxMsgSize : -1;
  }
  return state;
}

Result<std::optional<std::string>> JetStream::stream_of(const std::string& subject) {
  // The library has no such request. A subject that passed is_subject() needs no escapes but for these two.
  std::string body = "{\"subject\":\"";
  for (const char c : subject) body.append(c == '"' || c == '\\' ? "\\" : "").push_back(c);
  body += "\"}";
  natsMsg* answered = nullptr;
  const auto status =
      natsConnection_RequestString(&answered, connection_, "$JS.API.STREAM.NAMES", body.c_str(), kRequestTimeout.ms);
  const MessagePtr answer(answered);
  if (status != NATS_OK) return fail(failure("stream of subject " + subject, status, jsErrCode{}));
  auto names = parse_stream_names(data_of(answer.get()));
  if (!names.understood) return fail(ErrorCode::Unavailable, "stream of subject " + subject + ": the server does not say");
  if (names.first.empty()) return std::optional<std::string>();
  return std::optional<std::string>(std::move(names.first));
}

Result<ConsumerState> JetStream::consumer(const std::string& stream, const std::string& name) {
  jsOptions options = with_timeout();
  jsConsumerInfo* found = nullptr;
  jsErrCode code{};
  const auto status = js_GetConsumerInfo(&found, context_.get(), stream.c_str(), name.c_str(), &options, &code);
  const std::unique_ptr<jsConsumerInfo, ConsumerInfoDeleter> info(found);
  if (status != NATS_OK) return fail(failure("consumer " + name + " of stream " + stream, status, code));
  return state_of(*info);
}

Result<ConsumerState> JetStream::add_consumer(const NewConsumer& consumer) {
  jsOptions options = with_timeout();
  jsConsumerConfig config;
  jsConsumerConfig_Init(&config);
  if (!consumer.durable.empty()) config.Durable = consumer.durable.c_str();
  config.Description = consumer.description.c_str();
  config.FilterSubject = consumer.filter.c_str();
  switch (consumer.ack) {
    case NewConsumer::Ack::None: config.AckPolicy = js_AckNone; break;
    case NewConsumer::Ack::All: config.AckPolicy = js_AckAll; break;
    case NewConsumer::Ack::Each: config.AckPolicy = js_AckExplicit; break;
  }
  // How much may be under way unacknowledged is bounded by what is asked for.
  if (consumer.ack != NewConsumer::Ack::None) config.MaxAckPending = -1;
  switch (consumer.from) {
    case NewConsumer::From::First: config.DeliverPolicy = js_DeliverAll; break;
    case NewConsumer::From::Sequence:
      config.DeliverPolicy = js_DeliverByStartSequence;
      config.OptStartSeq = consumer.sequence;
      break;
    case NewConsumer::From::Time:
      config.DeliverPolicy = js_DeliverByStartTime;
      config.OptStartTime = consumer.time.unix_ms * kNsPerMs;
      break;
  }
  config.HeadersOnly = consumer.headers_only;
  if (consumer.durable.empty() && consumer.inactive.ms > 0) config.InactiveThreshold = consumer.inactive.ms * kNsPerMs;

  jsConsumerInfo* made = nullptr;
  jsErrCode code{};
  const auto status = js_AddConsumer(&made, context_.get(), consumer.stream.c_str(), &config, &options, &code);
  const std::unique_ptr<jsConsumerInfo, ConsumerInfoDeleter> info(made);
  if (status != NATS_OK)
    return fail(failure("consumer of " + consumer.filter + " in stream " + consumer.stream, status, code));
  return state_of(*info);
}

Result<void> JetStream::delete_consumer(const std::string& stream, const std::string& name) {
  jsOptions options = with_timeout();
  jsErrCode code{};
  const auto status = js_DeleteConsumer(context_.get(), stream.c_str(), name.c_str(), &options, &code);
  if (status == NATS_OK || status == NATS_NOT_FOUND || code == JSConsumerNotFoundErr) return {};
  return fail(failure("consumer " + name + " of stream " + stream, status, code));
}

Result<std::optional<MessagePtr>> JetStream::message(const std::string& stream, std::uint64_t sequence) {
  jsOptions options = with_timeout();
  natsMsg* found = nullptr;
  jsErrCode code{};
  const auto status = js_GetMsg(&found, context_.get(), stream.c_str(), sequence, &options, &code);
  if (status == NATS_OK) return std::optional<MessagePtr>(MessagePtr(found));
  if (code == JSNoMessageFoundErr || (status == NATS_NOT_FOUND && code != JSStreamNotFoundErr)) return std::optional<MessagePtr>();
  return fail(failure("message " + std::to_string(sequence) + " of stream " + stream, status, code));
}

Result<void> JetStream::read_headers(const std::string& stream, const std::string& subject, Instant from,
                                     const std::function<bool(natsMsg*)>& visit) {
  const std::string what = "reading " + subject + " of stream " + stream;
  auto consumer = add_consumer({.stream = stream,
                                .description = "Holdfast looks for what it has stored",
                                .filter = subject,
                                .from = NewConsumer::From::Time,
                                .time = from,
                                .headers_only = true,
                                .inactive = kReadInactive});
  if (!consumer) return fail(std::move(consumer.error()));
  auto read = read_all(what, stream, *consumer, visit);
  static_cast<void>(delete_consumer(stream, consumer->name));  // Should it not go now, it goes by itself.
  return read;
}

Result<void> JetStream::read_all(const std::string& what, const std::string& stream, const ConsumerState& consumer,
                                 const std::function<bool(natsMsg*)>& visit) {
  if (consumer.pending == 0) return {};
  auto inbox = new_inbox();
  if (!inbox) return fail(std::move(inbox.error()));
  natsSubscription* made = nullptr;
  if (const auto status = natsConnection_SubscribeSync(&made, connection_, inbox->c_str()); status != NATS_OK)
    return fail(ErrorCode::Unavailable, describe(what, status));
  const std::unique_ptr<natsSubscription, SubscriptionDeleter> subscription(made);
  const std::string next = "$JS.API.CONSUMER.MSG.NEXT." + stream + "." + consumer.name;
  const std::string body = "{\"batch\":" + std::to_string(kReadBatch) + ",\"no_wait\":true}";
  for (std::uint64_t expected = 1;;) {
    if (const auto status = natsConnection_PublishRequestString(connection_, next.c_str(), inbox->c_str(), body.c_str()); status != NATS_OK)
      return fail(ErrorCode::Unavailable, describe(what, status));
    for (std::uint64_t got = 0; got < kReadBatch; ++got) {
      natsMsg* came = nullptr;
      const auto status = natsSubscription_NextMsg(&came, subscription.get(), kRequestTimeout.ms);
      const MessagePtr message(came);
      if (status != NATS_OK) return fail(ErrorCode::Unavailable, describe(what, status));
      const auto delivered = parse_ack_subject(reply_of(came));
      if (!delivered) {
        const auto said = natsMsg_IsNoResponders(came) ? std::string_view("503") : header_of(came, "Status");
        if (said != "404" && said != "408") return fail(ErrorCode::Unavailable, what + ": the server says " + std::string(said));
        if (got == 0) return {};  // There is no more; some was removed meanwhile.
        break;
      }
      if (delivered->consumer_sequence != expected++) return fail(ErrorCode::Unavailable, what + ": a message went astray");
      if (!visit(came)) return fail(ErrorCode::Unavailable, what + ": nobody waits any longer");
      if (delivered->pending == 0) return {};
    }
  }
}

Result<std::optional<MessagePtr>> JetStream::last_message(const std::string& stream, const std::string& subject) {
  jsOptions options = with_timeout();
  natsMsg* found = nullptr;
  jsErrCode code{};
  const auto status = js_GetLastMsg(&found, context_.get(), stream.c_str(), subject.c_str(), &options, &code);
  if (status == NATS_OK) return std::optional<MessagePtr>(MessagePtr(found));
  if (code == JSNoMessageFoundErr || (status == NATS_NOT_FOUND && code != JSStreamNotFoundErr)) return std::optional<MessagePtr>();
  return fail(failure("last message of " + subject + " in stream " + stream, status, code));
}

}  // namespace holdfast::nats
