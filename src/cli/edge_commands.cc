#include "cli/edge_commands.h"

#include <algorithm>
#include <iostream>
#include <utility>

#include "cli/answers.h"
#include "cli/confirm.h"
#include "cli/table.h"
#include "codec/standard_types.h"

namespace holdfast::cli {
namespace {

constexpr Duration kTellTimeout{600'000};  // Much may be parked.
constexpr std::size_t kTextWidthMax = 2000;
constexpr std::size_t kWarnedSourcesMax = 20;

bool any_waits(const Json& ingress) {
  return std::ranges::any_of(ingress["sources"].items(), [](const Json& source) { return source["waiting"].is_true(); });
}

std::string status_of_ingress(const Json& ingress) {
  if (ingress["paused"].is_true()) return "paused";
  if (!ingress["trouble"].is_null()) return "trouble";
  return any_waits(ingress) ? "waiting" : "running";
}

std::string status_of_egress(const Json& egress) {
  if (egress["stopped"].is_true()) return "stopped";
  return egress["trouble"].is_null() ? "running" : "trouble";
}

// Without the ingress's id, which is said beside it; seek takes it either way.
std::string short_name(const std::string& text, const std::string& ingress) {
  return text.starts_with(ingress + "/") ? text.substr(ingress.size() + 1) : text;
}

std::string key_of(const Json& record) {
  const Json& bytes = record["key_base64"];
  return one_line(bytes.is_null() ? record["key"].text() : "base64:" + bytes.text(), 40);
}

std::string records(const std::string& count) { return count + (count == "1" ? " record" : " records"); }

void print_field(const std::string& name, const std::string& value) {
  constexpr std::size_t kWidth = 9;
  if (!value.empty()) std::cout << name << std::string(kWidth - name.size(), ' ') << one_line(value, kTextWidthMax) << "\n";
}

}  // namespace

Result<std::string> EdgeCommands::path_of(const std::string& collection, const std::string& id) const {
  const auto slash = id.rfind('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == id.size()) {
    return fail(ErrorCode::Invalid, "expected an id as namespace/name, got " + codec::quote_json(id));
  }
  return "/v1/" + collection + "/" + net::percent_encode(id.substr(0, slash)) + "/" + net::percent_encode(id.substr(slash + 1));
}

int EdgeCommands::look(const std::string& path, Json& out) const {
  const auto response = admin_.ask("GET", path);
  if (!response) return failed(response.error());
  if (response->status != 200) return refused(*response);
  auto json = Json::parse(response->body);
  if (!json) return failed("the answer of the admin API is " + json.error().message);
  out = *std::move(json);
  return kExitDone;
}

template <typename Said>
int EdgeCommands::tell(const std::string& path, std::string body, Said said) const {
  net::HeaderList headers;
  if (!body.empty()) headers.add("content-type", "application/json");
  const auto response = admin_.ask("POST", path, std::move(headers), std::move(body), kTellTimeout);
  if (!response) return failed(response.error());
  if (response->status != 200) return refused(*response);
  const auto json = Json::parse(response->body);
  if (!json) return failed("the answer of the admin API is " + json.error().message);
  print(output_ == Output::Json ? response->body : said(*json));
  return kExitDone;
}

int EdgeCommands::ingress_ls() const {
  return show_answer(admin_, output_, "/v1/ingresses", [](const Json& json) {
    Table table({"INGRESS", "STATUS", "SOURCE", ">POSITION", ">LAG", ">TAKEN", ">BAD", ">LOST", ">PARKED", "TROUBLE"});
    for (const Json& ingress : json["ingresses"].items()) {
      const std::string id = ingress["id"].text();
      std::vector<std::string> cells{id, status_of_ingress(ingress), "", "", "", ingress["taken"].text(), count_of(ingress["bad"]),
                                     count_of(ingress["lost"]), count_of(ingress["parked"]), ingress["trouble"].text()};
      if (ingress["sources"].items().empty()) table.add(cells);
      for (const Json& source : ingress["sources"].items()) {
        cells[2] = short_name(source["source"].text(), id);
        cells[3] = source["position"].text();
        cells[4] = source["lag"].text();
        table.add(cells);
        cells.assign(cells.size(), "");  // What is the ingress's, once for all its sources.
      }
    }
    if (table.empty()) std::cout << "no ingress reaches outside\n";
    else std::cout << table.render();
  });
}

int EdgeCommands::ingress_show(const std::string& id) const {
  const auto path = path_of("ingresses", id);
  if (!path) return failed(path.error());
  return show_answer(admin_, output_, *path, [&](const Json& ingress) {
    print_field("ingress", ingress["id"].text());
    print_field("kind", ingress["kind"].text());
    print_field("status", status_of_ingress(ingress));
    print_field("trouble", ingress["trouble"].text());
    print_field("lag", ingress["lag"].text());
    print_field("taken", ingress["taken"].text());
    print_field("bad", count_of(ingress["bad"]));
    print_field("lost", count_of(ingress["lost"]));
    print_field("parked", count_of(ingress["parked"]));
    Table table({"SOURCE", ">POSITION", ">END", ">LAG", "WAITING"});
    for (const Json& source : ingress["sources"].items()) {
      table.add({short_name(source["source"].text(), id), source["position"].text(), source["end"].text(), source["lag"].text(),
                 source["waiting"].is_true() ? "for functions" : ""});
    }
    std::cout << (table.empty() ? "no sources are known yet\n" : "\n" + table.render());
  });
}

int EdgeCommands::ingress_pause(const std::string& id) const {
  const auto path = path_of("ingresses", id);
  if (!path) return failed(path.error());
  return tell(*path + "/pause", "", [&](const Json&) { return id + " is paused, also over a restart, until it is resumed"; });
}

int EdgeCommands::ingress_resume(const std::string& id) const {
  const auto path = path_of("ingresses", id);
  if (!path) return failed(path.error());
  return tell(*path + "/resume", "", [&](const Json&) { return id + " goes on"; });
}

int EdgeCommands::ingress_seek(const SeekArguments& arguments) const {
  const auto path = path_of("ingresses", arguments.ingress);
  if (!path) return failed(path.error());
  auto body = seek_body(arguments);
  if (!body) return failed(body.error());
  Json ingress;
  if (const int exit_code = look(*path, ingress); exit_code != kExitDone) return exit_code;

  const std::string where = arguments.to.empty() ? "position " + arguments.to_position : arguments.to;
  const std::string source = arguments.source.empty() ? "" : full_source(arguments.ingress, arguments.source);
  std::string warning = "A seek of " + (source.empty() ? "all sources of " + arguments.ingress : source) + " to " + where +
                        " ends exactly-once:\n"
                        "records that are skipped have no effect, records that are read again have their effects again.";
  std::size_t listed = 0;
  for (const Json& each : ingress["sources"].items()) {
    if (!source.empty() && each["source"].text() != source) continue;
    if (++listed > kWarnedSourcesMax) continue;
    const std::string position = each["position"].text(), end = each["end"].text();
    warning += "\n  " + short_name(each["source"].text(), arguments.ingress) + (position.empty() ? " has no position yet" : " is at " + position);
    if (!end.empty()) warning += ", outside goes up to " + end;
  }
  if (listed > kWarnedSourcesMax) warning += "\n  and " + std::to_string(listed - kWarnedSourcesMax) + " more";
  if (const auto confirmation = confirm(warning, arguments.yes); confirmation != Confirmation::Given) return not_confirmed(confirmation);
  const std::string when = ingress["paused"].is_true() ? " when it is resumed" : "";
  return tell(*path + "/seek", *std::move(body), [&](const Json&) { return arguments.ingress + " goes on from " + where + when; });
}

int EdgeCommands::ingress_parked(const std::string& id, std::uint32_t limit) const {
  const auto path = path_of("ingresses", id);
  if (!path) return failed(path.error());
  Table table({"PLACE", "KEY", ">BYTES", "SINCE", "ERROR"});
  std::string from = "0";
  std::uint32_t shown = 0;
  while (true) {
    // One answer has a bounded number of bytes, so many records may take several.
    bool more = false;
    const int exit_code = show_answer(admin_, output_, *path + "/parked?from=" + from + "&limit=" + std::to_string(limit - shown), [&](const Json& json) {
      for (const Json& record : json["parked"].items()) {
        table.add({short_name(record["place"].text(), id), key_of(record), record["bytes"].text(), record["time"].text(), record["error"].text()});
        ++shown;
      }
      more = !json["parked"].items().empty() && shown < limit;
      from = json["next"].text();
    });
    if (exit_code != kExitDone || output_ == Output::Json) return exit_code;
    if (!more) break;
  }
  if (table.empty()) std::cout << "nothing is parked\n";
  else std::cout << table.render();
  hint_limit(shown, limit);
  return kExitDone;
}

int EdgeCommands::ingress_retry(const std::string& id) const {
  const auto path = path_of("ingresses", id);
  if (!path) return failed(path.error());
  return tell(*path + "/parked/retry", "", [&](const Json& json) {
    return records(json["retried"].text()) + " went to the functions; `holdfast ingress parked " + id + "` lists what is still parked";
  });
}

int EdgeCommands::ingress_skip(const std::string& id) const {
  const auto path = path_of("ingresses", id);
  if (!path) return failed(path.error());
  return tell(*path + "/parked/skip", "", [](const Json& json) { return "dropped " + records(json["skipped"].text()); });
}

int EdgeCommands::egress_retry(const std::string& id) const {
  const auto path = path_of("egresses", id);
  if (!path) return failed(path.error());
  return tell(*path + "/unsendable/retry", "", [](const Json& json) { return records(json["retried"].text()) + " went back to the outbox, behind all others"; });
}

int EdgeCommands::egress_skip(const std::string& id) const {
  const auto path = path_of("egresses", id);
  if (!path) return failed(path.error());
  return tell(*path + "/unsendable/skip", "", [](const Json& json) { return "dropped " + records(json["skipped"].text()); });
}

int EdgeCommands::egress_ls() const {
  return show_answer(admin_, output_, "/v1/egresses", [](const Json& json) {
    Table table({"EGRESS", "DELIVERY", "STATUS", ">WAITING", ">BYTES", ">OF", ">SENT", ">UNSENDABLE", "TROUBLE"});
    for (const Json& egress : json["egresses"].items()) {
      table.add({egress["id"].text(), egress["delivery"].text(), status_of_egress(egress), egress["waiting"].text(), egress["bytes"].text(),
                 egress["bytes_max"].text(), egress["sent"].text(), count_of(egress["unsendable"]), egress["trouble"].text()});
    }
    if (table.empty()) std::cout << "no egress reaches outside\n";
    else std::cout << table.render();
  });
}

int EdgeCommands::egress_resume(const std::string& id, bool yes) const {
  const auto path = path_of("egresses", id);
  if (!path) return failed(path.error());
  Json egress;
  if (const int exit_code = look(*path, egress); exit_code != kExitDone) return exit_code;
  if (!egress["stopped"].is_true()) return failed("the egress " + id + " is not stopped: there is nothing to resume");
  const std::string warning = id + " stopped: " + one_line(egress["trouble"].text(), kTextWidthMax) + "\nResumed, it sends all of the " +
                              records(egress["waiting"].text()) +
                              " of its outbox. The records of up to one transaction\nmay be there twice then, or be missing, as said above.";
  if (const auto confirmation = confirm(warning, yes); confirmation != Confirmation::Given) return not_confirmed(confirmation);
  return tell(*path + "/resume", "", [&](const Json&) { return id + " goes on"; });
}

}  // namespace holdfast::cli
