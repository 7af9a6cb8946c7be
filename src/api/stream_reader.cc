#include "api/stream_reader.h"

#include <algorithm>
#include <atomic>

#include "api/parameters.h"
#include "api/values_json.h"
#include "codec/standard_types.h"

namespace holdfast::api {
namespace {

bool wants_events(const net::HttpRequest& request) {
  return request.headers.get("accept").find("text/event-stream") != std::string_view::npos;
}

std::string page_json(const runtime::StreamPage& page) {
  JsonWriter json;
  json.begin_object().key("records").begin_array();
  for (const auto& entry : page.records) write_record(json, entry.position, entry.record);
  json.end_array().key("next").number(page.next).key("first").number(page.first).end_object();
  return json.take();
}

}  // namespace

// One open event stream. Its reads and writes follow one another, so it needs no lock, whichever thread they are on.
struct StreamReader::Subscription {
  Subscription(net::StreamWriter w, runtime::StreamQuery q) : writer(std::move(w)), query(std::move(q)) {}
  net::StreamWriter writer;
  runtime::StreamQuery query;
  std::shared_ptr<std::atomic<bool>> gone = std::make_shared<std::atomic<bool>>(false);
};

bool StreamReader::knows(const std::string& egress, const std::string& topic) const {
  const auto lists = [&](const std::vector<std::string>& topics) {
    return std::find(topics.begin(), topics.end(), topic) != topics.end();
  };
  for (const auto& spec : options_.egresses) {
    if (spec.id == egress && (spec.topics.empty() || lists(spec.topics))) return true;
  }
  return egress == model::kPlaygroundEgress &&
         std::any_of(options_.playground.begin(), options_.playground.end(), [&](const auto& spec) { return lists(spec.topics); });
}

void StreamReader::handle(ExchangePtr exchange, std::string egress, std::string topic) {
  if (egress.size() > 2 * kTypeBytesMax || topic.size() > 2 * kTypeBytesMax) {
    return exchange->answer_error({ErrorCode::TooLarge, "egress and topic may have " + std::to_string(2 * kTypeBytesMax) + " bytes each"});
  }
  const auto parameters = Query::parse(exchange->request, {"from", "limit", "wait"});
  if (!parameters) return exchange->answer_error(parameters.error());
  const auto from = parameters->count("from", 0, UINT64_MAX);
  const auto limit = parameters->count("limit", 100, options_.limit_max);
  const auto wait = parameters->duration("wait", Duration{0}, options_.wait_max);
  if (!from) return exchange->answer_error(from.error());
  if (!limit) return exchange->answer_error(limit.error());
  if (!wait) return exchange->answer_error(wait.error());
  if (*limit == 0) return exchange->answer_error({ErrorCode::Invalid, "limit: expected at least 1, got 0"});

  runtime::StreamQuery query{.stream = model::stream_name(egress, topic),
                             .from = *from,
                             .limit = static_cast<std::uint32_t>(*limit),
                             .wait = *wait,
                             .reader = runtime::StreamQuery::For::Client};
  const bool known = knows(egress, topic);
  const std::string what = "no stream egress " + codec::quote_json(egress) + " with topic " + codec::quote_json(topic);
  if (!wants_events(exchange->request)) return page(std::move(exchange), std::move(query), known, what);
  if (!known) return exchange->answer_error({ErrorCode::NotFound, what});
  if (const auto last = exchange->request.headers.find("last-event-id")) {
    const auto position = parse_count("Last-Event-ID", *last, UINT64_MAX - 1);
    if (!position) return exchange->answer_error(position.error());
    query.from = *position + 1;
  }
  query.wait = options_.heartbeat;
  query.bytes_max = std::min(query.bytes_max, options_.buffer_bytes_max);
  events(std::move(exchange), std::move(query));
}

void StreamReader::page(ExchangePtr exchange, runtime::StreamQuery query, bool known, const std::string& what) {
  // What nobody feeds gets no record by waiting; but what an egress has left behind when it was taken out can be read.
  if (!known) query.wait = Duration{0};
  runtime_.read_stream(std::move(query), [exchange, known, what](Result<runtime::StreamPage> page) {
    if (!page) return exchange->answer_error(page.error());
    if (!known && page->records.empty() && page->next == 0) return exchange->answer_error({ErrorCode::NotFound, what});
    exchange->answer_json(200, page_json(*page), std::move(page->unread));
  });
}

void StreamReader::events(ExchangePtr exchange, runtime::StreamQuery query) {
  auto writer = exchange->answer_stream(200, {{"content-type", "text/event-stream"}, {"cache-control", "no-store"}, {"x-accel-buffering", "no"}});
  if (exchange->request.method == "HEAD") return writer.close();
  auto subscription = std::make_shared<Subscription>(std::move(writer), std::move(query));
  subscription->writer.on_close([gone = subscription->gone] { gone->store(true); });
  subscription->writer.write(": open\n\n");  // So that the client sees the head at once.
  read_more(subscription);
}

void StreamReader::read_more(const std::shared_ptr<Subscription>& subscription) {
  runtime_.read_stream(subscription->query, [this, subscription](Result<runtime::StreamPage> page) {
    if (subscription->gone->load()) return;
    if (!page) {
      // Overloaded or stopping: the client comes back with Last-Event-ID, after a pause.
      subscription->writer.write("retry: 1000\n: " + page.error().message + "\n\n");
      return subscription->writer.close();
    }
    std::string out;
    for (const auto& entry : page->records) {
      JsonWriter json;
      write_record(json, entry.position, entry.record);
      out += "id: " + std::to_string(entry.position) + "\ndata: " + json.take() + "\n\n";
    }
    subscription->query.from = page->next;
    // A runtime that stops answers readers at once instead of letting them wait.
    if (out.empty() && !runtime_.ready(nullptr)) {
      subscription->writer.write("retry: 1000\n: stopping\n\n");
      return subscription->writer.close();
    }
    if (out.empty()) out = ": still here\n\n";
    subscription->writer.write(std::move(out), std::move(page->unread));
    const auto loop = std::find_if(options_.loops.begin(), options_.loops.end(), [](Loop* l) { return l->is_current(); });
    if (loop == options_.loops.end()) return;  // A runtime that answers from elsewhere: cut, the client comes back.
    continue_on(**loop, subscription);
  });
}

void StreamReader::continue_on(Loop& loop, const std::shared_ptr<Subscription>& subscription) {
  if (subscription->gone->load()) return;
  // From a task of its own: the runtime may answer from within read_stream(), and a long stream must not grow the stack.
  if (subscription->writer.buffered() <= options_.buffer_bytes_max) {
    return loop.post([this, subscription] { read_more(subscription); });
  }
  loop.after(options_.buffer_pause, [this, &loop, subscription] { continue_on(loop, subscription); });
}

}  // namespace holdfast::api
