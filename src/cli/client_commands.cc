#include "cli/client_commands.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <thread>

#include "cli/address_argument.h"
#include "cli/answers.h"
#include "cli/confirm.h"
#include "cli/json.h"
#include "cli/table.h"
#include "codec/content_type.h"
#include "codec/standard_types.h"

namespace holdfast::cli {
namespace {

constexpr std::size_t kValueWidthMax = 80;
constexpr std::uint32_t kPageMax = 1'000;  // Of all there are, in one request.
constexpr Duration kAsideMax{5'000};  // For a question that the user has not asked.
constexpr int kDropPausesMax = 100;           // While some may be left, and none is there to be dropped,
constexpr std::chrono::milliseconds kDropPause{20};  // each as long.

// In the middle of many: what was done is done.
int resume_failed(const Error& error, bool retry, std::int64_t count) {
  if (count > 0) std::cerr << "holdfast: " << count << (retry ? " addresses are retried, then:\n" : " addresses were skipped, then:\n");
  return failed(error);
}

std::string list_query(const ListArguments& list) {
  std::string query = "?limit=" + std::to_string(list.all ? kPageMax : list.limit);
  if (!list.type.empty()) query += "&type=" + net::percent_encode(list.type);
  if (!list.prefix.empty()) query += "&prefix=" + net::percent_encode(list.prefix);
  return query;
}

std::string address_of(const Json& info) { return show_address(info["type"].text(), info["id"].text()); }

// A value for people: text without quotes, JSON as it is, bytes marked as such.
std::string value_of(const Json& holder) {
  if (const Json& bytes = holder["value_base64"]; !bytes.is_null()) return "base64:" + bytes.text();
  return one_line(holder["value"].kind() == Json::Kind::String ? holder["value"].text() : std::string(holder["value"].raw()),
                  kValueWidthMax);
}

std::string short_type(const std::string& type) {
  constexpr std::string_view kStandard = "io.statefun.types/";
  return type.starts_with(kStandard) ? type.substr(kStandard.size()) : type;
}

std::string name_of(const Json& state) { return state["name"].text() + (state["orphaned"].is_true() ? " (orphaned)" : ""); }

Result<std::string> value_argument(const std::string& argument) {
  if (argument == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  if (!argument.starts_with('@')) return argument;
  std::ifstream file(argument.substr(1), std::ios::binary);
  if (!file) return fail(ErrorCode::Invalid, "cannot read " + argument.substr(1));
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

}  // namespace

std::string full_type_name(const std::string& type) {
  if (type.empty()) return std::string(model::kStringType);
  if (type.find('/') != std::string::npos) return type;
  if (type == "json") return std::string(codec::kJsonType);
  if (type == "bytes") return std::string(codec::kBytesType);
  return "io.statefun.types/" + type;
}

int ClientCommands::send(const MessageArguments& arguments) const { return message(Verb::Send, arguments); }
int ClientCommands::call(const MessageArguments& arguments) const { return message(Verb::Call, arguments); }

int ClientCommands::message(Verb verb, const MessageArguments& arguments) const {
  const auto address = parse_address_argument(arguments.address);
  if (!address) return failed(address.error());
  auto value = value_argument(arguments.value);
  if (!value) return failed(value.error());
  const std::string type = full_type_name(arguments.type);
  net::HeaderList headers;
  headers.add("x-value-type", type);
  headers.add("content-type", codec::is_standard_type(type) ? "text/plain; charset=utf-8" : "application/octet-stream");
  if (!arguments.key.empty()) headers.add("idempotency-key", arguments.key);
  std::string path = "/v1/functions" + address_path(*address) + (verb == Verb::Send ? "/send" : "/call");
  Duration wait{60'000};
  if (!arguments.timeout.empty()) {
    const auto timeout = parse_duration(arguments.timeout);
    if (!timeout) return failed("--timeout: expected a duration as 30s or 500ms, got " + arguments.timeout, kExitUsage);
    path += "?timeout=" + std::to_string(timeout->ms) + "ms";
    wait.ms = timeout->ms + 10'000;  // The gateway gives up first, and says so.
  }

  const auto response = gateway_.ask("POST", path, std::move(headers), *std::move(value), wait);
  if (!response) return failed(response.error());
  if (response->status == 504) {
    return refused(*response, why_no_reply(*address));
  }
  if (response->status >= 300) return refused(*response);
  if (verb == Verb::Send) {
    if (output_ == Output::Json) print(R"({"accepted":true})");
    return kExitDone;
  }
  if (output_ == Output::People) {
    print(response->body);
    return kExitDone;
  }
  const std::string_view reply_type = response->headers.get("x-value-type");
  const auto reply = codec::value_of_body(response->headers.get("content-type"), reply_type, response->body);
  if (!reply) return failed("the reply cannot be read: " + reply.error().message);
  const codec::Display shown = codec::display(*reply);
  print(R"({"type":)" + codec::quote_json(reply_type) +
        (shown.form == codec::DisplayForm::Base64 ? R"(,"value_base64":)" : R"(,"value":)") + shown.json + "}");
  return kExitDone;
}

std::string ClientCommands::why_no_reply(const model::Address& address) const {
  const auto response =
      admin_.ask("GET", "/v1/addresses?limit=100&type=" + net::percent_encode(address.type) + "&prefix=" + net::percent_encode(address.id),
                 {}, {}, kAsideMax);
  const auto json = response && response->status == 200 ? Json::parse(response->body) : fail(ErrorCode::Unavailable, "");
  if (json) {
    for (const Json& a : (*json)["addresses"].items()) {
      const std::string error = a["last_error"].text();
      if (a["id"].text() != address.id || error.empty()) continue;
      return (a["parked"].is_true() ? "The address is parked (`holdfast parked retry` or `skip`): " : "The address fails and is tried again: ") +
             one_line(error, Table::kLastCellWidthMax);
    }
  }
  return "`holdfast addresses` shows whether it still waits, `holdfast parked ls` whether it failed.";
}

template <typename Show>
int ClientCommands::show(const std::string& path, Show show) const {
  return show_answer(admin_, output_, path, std::move(show));
}

template <typename Add>
int ClientCommands::show_list(const ListArguments& list, const std::string& path, std::string_view name, std::string_view none, Table table,
                              Add add) const {
  std::string page = list.page;
  do {
    const auto response = admin_.ask("GET", page.empty() ? path : path + "&page=" + net::percent_encode(page));
    if (!response) return failed(response.error());
    if (response->status != 200) return refused(*response);
    const auto json = Json::parse(response->body);
    if (!json) return failed("the answer of the admin API is " + json.error().message);
    page = (*json)["next"].text();
    if (output_ == Output::Json) print(response->body);  // A line for each page.
    else for (const Json& item : (*json)[name].items()) add(table, item);
  } while (list.all && !page.empty());
  if (output_ == Output::Json) return kExitDone;
  if (table.empty()) std::cout << none << "\n";
  else std::cout << table.render();
  if (!page.empty()) std::cerr << "(there are more: --all, or --page " << page << ")\n";
  return kExitDone;
}

int ClientCommands::state_get(const std::string& argument) const {
  const auto address = parse_address_argument(argument);
  if (!address) return failed(address.error());
  return show("/v1/state" + address_path(*address), [&](const Json& json) {
    Table table({"STATE", "VALUE", "TYPE", "EXPIRES"});
    for (const Json& state : json["states"].items()) {
      table.add({name_of(state), value_of(state), short_type(state["type"].text()), state["expires_at"].text()});
    }
    if (table.empty()) std::cout << "no states are set\n";
    else std::cout << table.render();
  });
}

int ClientCommands::state_ls(const ListArguments& list) const {
  return show_list(list, "/v1/states" + list_query(list), "addresses", "no states", Table({"ADDRESS", "STATE", "VALUE", "TYPE", "EXPIRES"}),
                   [](Table& table, const Json& address) {
                     std::string name = address_of(address);
                     for (const Json& state : address["states"].items()) {
                       table.add({name, name_of(state), value_of(state), short_type(state["type"].text()), state["expires_at"].text()});
                       name.clear();  // Once for all states of an address.
                     }
                   });
}

int ClientCommands::orphans_ls(const std::string& type) const {
  return show("/v1/orphans" + (type.empty() ? "" : "?type=" + net::percent_encode(type)), [](const Json& json) {
    Table table({"FUNCTION", "STATE", "TYPE", "EXPIRES", ">VALUES", "STATUS"});
    for (const Json& o : json["orphans"].items()) {
      const std::string after = o["expire_after_ms"].text();
      table.add({o["type"].text(), o["state"].text(), short_type(o["state_type"].text()),
                 after.empty() ? "" : after + " ms " + o["expiration"].text(), o["values"].text(), o["dropping"].is_true() ? "dropping" : ""});
    }
    if (table.empty()) std::cout << "no orphaned states: functions declare all that they have ever declared\n";
    else std::cout << table.render();
  });
}

int ClientCommands::orphans_drop(const DropArguments& arguments) const {
  std::string warning = "The values of these states of " + arguments.type + " are deleted, of all addresses, for good:";
  for (const auto& state : arguments.states) warning += "\n  " + one_line(state, kValueWidthMax);
  if (const auto confirmation = confirm(warning, arguments.yes); confirmation != Confirmation::Given) return not_confirmed(confirmation);
  for (const auto& state : arguments.states) {
    const auto response =
        admin_.ask("POST", "/v1/orphans/drop?type=" + net::percent_encode(arguments.type) + "&state=" + net::percent_encode(state));
    if (!response) return failed(response.error());
    if (response->status != 200) return refused(*response);
    if (output_ == Output::Json) print(response->body);
    else std::cout << "dropping " << state << "\n";
  }
  return kExitDone;
}

int ClientCommands::functions(const ListArguments& list) const {
  return show_list(list, "/v1/functions" + list_query(list), "functions",
                   "no function has been called yet; `holdfast endpoints` lists where they may be",
                   Table({"FUNCTION", "ENDPOINT", ">HANDLED", ">FAILED", ">IN FLIGHT", "STATES"}), [](Table& table, const Json& f) {
                     std::string states;
                     for (const Json& state : f["states"].items()) {
                       states += (states.empty() ? "" : ", ") + state["name"].text() + " " + short_type(state["type"].text());
                     }
                     table.add({f["type"].text(), f["endpoint"].text(), f["invocations"].text(), count_of(f["failures"]),
                                count_of(f["in_flight"]), states});
                   });
}

int ClientCommands::endpoints() const {
  return show("/v1/endpoints", [](const Json& json) {
    Table table({"FUNCTIONS", "URL", "STATUS", ">IN FLIGHT", ">WAITING", "LAST ERROR"});
    for (const Json& e : json["endpoints"].items()) {
      const std::int64_t hosts_down = e["hosts_down_count"].number();
      const std::string status = e["down"].is_true() ? "down" : hosts_down > 0 ? std::to_string(hosts_down) + " down" : "up";
      table.add({e["functions"].text(), e["url"].text(), status, count_of(e["in_flight"]), count_of(e["waiting"]), e["last_error"].text()});
      // Which of them: where there is more than one, or one of several.
      if (e["down"].is_true() && hosts_down == 1) continue;
      for (const Json& host : e["hosts_down"].items()) table.add({"", host["host"].text(), "down", "", "", host["last_error"].text()});
    }
    std::cout << table.render();
  });
}

int ClientCommands::addresses(const ListArguments& list) const {
  return show_list(list, "/v1/addresses" + list_query(list), "addresses", "no addresses",
                   Table({"ADDRESS", ">MAILBOX", ">IN FLIGHT", "PARKED", ">ATTEMPTS", "LAST ERROR"}), [](Table& table, const Json& a) {
                     table.add({address_of(a), a["mailbox"].text(), a["in_flight"].text(), a["parked"].is_true() ? "parked" : "",
                                count_of(a["attempts"]), a["last_error"].text()});
                   });
}

int ClientCommands::parked_ls(const ListArguments& list) const {
  return show_list(list, "/v1/parked" + list_query(list), "parked", "nothing is parked",
                   Table({"ADDRESS", "SINCE", ">ATTEMPTS", ">MAILBOX", "FIRST MESSAGE", "REASON"}), [](Table& table, const Json& p) {
                     const auto& messages = p["messages"].items();
                     table.add({address_of(p), p["since"].text(), p["attempts"].text(), p["mailbox"].text(),
                                messages.empty() ? "" : one_line(value_of(messages.front()), 40), p["reason"].text()});
                   });
}

int ClientCommands::parked_resume(const std::string& verb, const ResumeArguments& arguments) const {
  const int ways = !arguments.address.empty() + !arguments.type.empty() + arguments.all;
  if (ways != 1) return failed("which: expected one of ADDRESS, --type NAMESPACE/NAME or --all", kExitUsage);
  std::string path = "/v1/parked";
  if (!arguments.address.empty()) {
    const auto address = parse_address_argument(arguments.address);
    if (!address) return failed(address.error());
    path += address_path(*address) + "/" + verb;
  } else {
    path += "/" + verb + (arguments.all ? "?all" : "?type=" + net::percent_encode(arguments.type));
  }
  const bool retry = verb == "retry";
  std::int64_t count = 0;
  std::string before;
  // One request resumes a bounded number; those that fail and are parked again while we go on are left alone.
  while (true) {
    const auto response = admin_.ask("POST", before.empty() ? path : path + "&before=" + before);
    if (!response) return resume_failed(response.error(), retry, count);
    if (response->status != 200) {
      const int exit_code = refused(*response);
      return count == 0 ? exit_code : resume_failed({ErrorCode::Io, "not all was resumed"}, retry, count);
    }
    const auto json = Json::parse(response->body);
    if (!json) return failed("the answer of the admin API is " + json.error().message);
    const auto resumed = (*json)[retry ? "retried" : "skipped"].number();
    count += resumed;
    if (!(*json)["more"].is_true()) break;
    before = (*json)["before"].text();
    if (resumed == 0 || before.empty()) return resume_failed({ErrorCode::Io, "there are more, but none of them could be resumed"}, retry, count);
  }
  if (output_ == Output::Json) {
    print(std::string(R"({")") + (retry ? "retried" : "skipped") + "\":" + std::to_string(count) +
          (arguments.address.empty() ? R"(,"more":false})" : "}"));
  } else {
    std::cout << (retry ? "retrying " : "skipped the failed batch of ") << count << (count == 1 ? " address\n" : " addresses\n");
  }
  return kExitDone;
}

int ClientCommands::mail_drop(const std::string& which) const {
  // A type has one slash, an address more.
  std::string path = "/v1/mail/drop?type=";
  if (std::ranges::count(which, '/') < 2) {
    path += net::percent_encode(which);
  } else {
    const auto address = parse_address_argument(which);
    if (!address) return failed(address.error());
    path += net::percent_encode(address->type) + "&id=" + net::percent_encode(address->id);
  }
  std::int64_t messages = 0, addresses = 0, tried = 0;
  int pauses = 0;
  while (true) {  // One request drops a bounded number, of what has been found.
    const auto response = admin_.ask("POST", path);
    if (!response) return failed(response.error());
    if (response->status != 200) return refused(*response);
    const auto json = Json::parse(response->body);
    if (!json) return failed("the answer of the admin API is " + json.error().message);
    messages += (*json)["dropped"].number();
    addresses += (*json)["addresses"].number();
    tried = (*json)["tried"].number();
    if (!(*json)["more"].is_true()) break;
    if ((*json)["dropped"].number() > 0) continue;
    if (++pauses > kDropPausesMax) break;
    std::this_thread::sleep_for(kDropPause);
  }
  if (output_ == Output::Json) {
    print("{\"dropped\":" + std::to_string(messages) + ",\"addresses\":" + std::to_string(addresses) + ",\"tried\":" + std::to_string(tried) + "}");
    return kExitDone;
  }
  if (messages > 0) {
    std::cout << "dropped " << messages << (messages == 1 ? " message of " : " messages of ") << addresses
              << (addresses == 1 ? " address\n" : " addresses\n");
  } else if (tried == 0) {
    std::cout << "nothing waits there for want of a way to the function\n";
  }
  if (tried > 0) {
    std::cout << tried << (tried == 1 ? " address is" : " addresses are")
              << " being tried just now, to find out whether the function is back: ask again for what waits there\n";
  }
  return kExitDone;
}

int ClientCommands::timers(const ListArguments& list) const {
  std::string query = list_query(list);
  if (!list.kind.empty()) query += "&kind=" + net::percent_encode(list.kind);
  if (list.all) query += "&all";
  const bool housekeeping = list.all || !list.kind.empty();
  return show_list(list, "/v1/timers" + query, "timers", housekeeping ? "no timers" : "no delayed sends; --all shows timers of our own, too",
                   Table({"DUE", "KIND", "ADDRESS", "TOKEN"}), [](Table& table, const Json& t) {
                     const std::string address = t["type"].text().empty() ? t["id"].text() : address_of(t);
                     table.add({t["due"].text(), t["kind"].text(), address, t["token"].text()});
                   });
}

int ClientCommands::streams(const ListArguments& list) const {
  return show_list(list, "/v1/streams" + list_query(list), "streams", "no streams", Table({"STREAM", ">RECORDS", ">FIRST", ">NEXT", ">BYTES"}),
                   [](Table& table, const Json& s) {
                     table.add({s["name"].text(), s["records"].text(), s["first"].text(), s["next"].text(), s["bytes"].text()});
                   });
}

}  // namespace holdfast::cli
