#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "cli/client_commands.h"
#include "cli/completion.h"
#include "cli/daprd_command.h"
#include "cli/edge_commands.h"
#include "cli/module_commands.h"
#include "cli/new_function.h"

namespace holdfast::cli {
namespace {

constexpr const char* kDefaultAdmin = "http://127.0.0.1:7780";
constexpr const char* kDefaultGateway = "http://127.0.0.1:9999";

// Everything a client command may be told about where Holdfast is.
struct Connection {
  std::string admin = kDefaultAdmin;
  std::string gateway = kDefaultGateway;
  std::string token_file;
  std::string trust_cacerts, client_cert, client_key;
  bool json = false;

  [[nodiscard]] Output output() const { return json ? Output::Json : Output::People; }
};

// The token comes from the environment or a file: on the command line every user of the machine could read it.
std::string read_token(const Connection& connection) {
  std::string token;
  if (!connection.token_file.empty()) {
    std::ifstream file(connection.token_file);
    if (!file) throw CLI::ValidationError("--token-file", "cannot read " + connection.token_file);
    std::getline(file, token);
  } else if (const char* given = std::getenv("HOLDFAST_TOKEN")) {
    token = given;
  }
  while (!token.empty() && (token.back() == '\r' || token.back() == ' ' || token.back() == '\n')) token.pop_back();
  return token;
}

RemoteOptions remote(const Connection& connection, const std::string& url, const char* option) {
  return {.url = url.find("://") == std::string::npos ? "http://" + url : url,
          .token = read_token(connection),
          .trust_cacerts = connection.trust_cacerts,
          .client_cert = connection.client_cert,
          .client_key = connection.client_key,
          .option = option};
}

ClientCommands client(const Connection& connection) {
  return {remote(connection, connection.admin, "--admin"), remote(connection, connection.gateway, "--gateway"), connection.output()};
}

EdgeCommands edges(const Connection& connection) { return {remote(connection, connection.admin, "--admin"), connection.output()}; }

ModuleCommands modules(const Connection& connection) { return {remote(connection, connection.admin, "--admin"), connection.output()}; }

void add_connection_options(CLI::App& command, Connection& connection) {
  command.add_option("--admin", connection.admin, "where the admin API is")->envname("HOLDFAST_ADMIN")->type_name("URL")->capture_default_str();
  command.add_option("--gateway", connection.gateway, "where the gateway is")->envname("HOLDFAST_GATEWAY")->type_name("URL")->capture_default_str();
  command.add_option("--token-file", connection.token_file, "file with the bearer token; else HOLDFAST_TOKEN has it")->type_name("FILE");
  command.add_option("--cacert", connection.trust_cacerts, "PEM file of the authorities to trust for https")->type_name("FILE");
  command.add_option("--cert", connection.client_cert, "PEM file of the client certificate to show")->type_name("FILE");
  command.add_option("--key-file", connection.client_key, "PEM file of its key")->type_name("FILE");
  command.add_flag("--json", connection.json, "print JSON, for scripts");
}

void add_page_options(CLI::App& command, ListArguments& list) {
  command.add_option("--limit", list.limit, "at most so many")->type_name("N")->capture_default_str();
  command.add_option("--page", list.page, "go on there: as said at the end of the page before")->type_name("TOKEN");
}

void add_all_flag(CLI::App& command, ListArguments& list) { command.add_flag("--all", list.all, "all there are, page after page"); }

void add_list_options(CLI::App& command, ListArguments& list) {
  const auto is_type = [](const std::string& text) {
    return text.find('/') != std::string::npos ? std::string() : "expected a function as namespace/name, got " + text;
  };
  command.add_option("type", list.type, "only this function, as namespace/name")->type_name("TYPE")->check(is_type);
  command.add_option("--prefix", list.prefix, "only ids that begin with this")->type_name("TEXT");
  add_page_options(command, list);
}

void add_id(CLI::App& command, std::string& id, const char* help) {
  command.add_option("id", id, help)->type_name("ID")->required();
}

void add_yes(CLI::App& command, bool& yes) { command.add_flag("--yes", yes, "do not ask whether this is meant"); }

// Lists that have no other commands are said both ways: `timers` and `timers ls`.
void add_ls(CLI::App& list) { list.add_subcommand("ls", "the same")->fallthrough(); }

std::vector<CompletionEntry> completion_entries(const CLI::App& app, const std::string& path) {
  CompletionEntry entry{.path = path, .words = {}, .helps = {}};
  std::vector<CompletionEntry> below;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    entry.words.push_back(command->get_name());
    entry.helps.push_back(command->get_description());
    auto more = completion_entries(*command, path.empty() ? command->get_name() : path + " " + command->get_name());
    below.insert(below.end(), more.begin(), more.end());
  }
  for (const CLI::Option* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) {
      entry.words.push_back("--" + name);
      entry.helps.push_back(option->get_description());
    }
  }
  if (path == "completion") {
    for (const char* shell : {"bash", "zsh", "fish"}) {
      entry.words.emplace_back(shell);
      entry.helps.emplace_back("");
    }
  }
  below.insert(below.begin(), std::move(entry));
  return below;
}

}  // namespace

std::optional<Duration> parse_duration(const std::string& text) {
  std::int64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string unit(rest, text.data() + text.size());
  const std::int64_t factor = unit == "ms" ? 1 : unit == "s" ? 1000 : unit == "m" || unit == "min" ? 60'000 : unit == "h" ? 3'600'000 : 0;
  std::int64_t ms = 0;
  if (error != std::errc() || factor == 0 || number < 0 || __builtin_mul_overflow(number, factor, &ms)) return std::nullopt;
  return Duration{ms};
}

int run(int argc, const char* const* argv, const LocalCommands& local) {
  // daprd's flags are not of CLI11's kind: one dash, and values that look like options.
  const std::vector<std::string> arguments(argv, argv + argc);
  if (argc > 0 && is_daprd(arguments[0])) return run_daprd(std::span(arguments).subspan(1), local);
  if (argc > 1 && arguments[1] == "daprd") return run_daprd(std::span(arguments).subspan(2), local);

  int exit_code = kExitDone;
  Connection connection;
  UpOptions up;
  CheckOptions check;
  CheckDataOptions check_data;
  RepairOptions repair;
  MessageArguments message;
  ListArguments list;
  ResumeArguments resume;
  std::string mail_of;
  DropArguments drop;
  SeekArguments seek;
  NewFunctionArguments new_function_arguments;
  bool yes = false;
  std::string id, address, shell, grace = "10s";

  CLI::App app("Holdfast runs stateful serverless functions: their state and messages survive kill -9.", "holdfast");
  app.require_subcommand(0, 1);  // Asked for below: "unknown command" is a better word than "required".
  app.set_version_flag("--version", local.version);
  app.set_help_all_flag("--help-all", "help of all commands");
  app.footer(
      "ADDRESS is namespace/name/id; the id may hold slashes, or be empty: namespace/name/. (::type::id where the namespace holds slashes.)\n"
      "ID, of an ingress or egress, is namespace/name, as in its document.\n"
      "Environment: HOLDFAST_ADMIN, HOLDFAST_GATEWAY, HOLDFAST_TOKEN.\n"
      "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.");

  auto* up_command = app.add_subcommand("up", "run the functions that FILES describe");
  up_command->add_option("files", up.files, "configuration: YAML files, module.yaml of StateFun as it is")->type_name("FILES");
  up_command->add_option("--data", up.data, "directory that keeps everything; made if it is missing. \"memory\": nothing is kept")->type_name("DIR");
  up_command->add_option("--gateway", up.gateway, "where applications come in (default 127.0.0.1:9999; port 0: any)")->type_name("HOST:PORT");
  up_command->add_option("--admin", up.admin, "where the admin API and the metrics are (default 127.0.0.1:7780)")->type_name("HOST:PORT");
  up_command->add_option("--shards", up.shards, "threads that run functions' messages")->type_name("N")->check(CLI::Range(1, 256));
  up_command->add_option("--log-format", up.log_format, "text or json (default: text on a terminal)")->check(CLI::IsMember({"text", "json"}));
  up_command->add_option("--log-level", up.log_level, "debug, info, warn or error")->check(CLI::IsMember({"debug", "info", "warn", "error"}))->capture_default_str();
  up_command->add_flag("--insecure", up.insecure, "allow listening off loopback without token or client certificates");
  up_command->add_option("--ports-file", up.ports_file, "write the ports in use there, as JSON, when ready")->type_name("FILE");
  up_command->add_option("--grace", grace, "after SIGTERM, how long calls under way may take")->type_name("TIME")->capture_default_str();
  up_command->callback([&] {
    const auto duration = parse_duration(grace);
    if (!duration) throw CLI::ValidationError("--grace", "expected a duration as 10s or 500ms, got " + grace);
    up.grace = *duration;
    exit_code = local.up(up);
  });

  // Carried out above; here for the help and the completion.
  auto* daprd_command = app.add_subcommand("daprd", "be the Dapr sidecar of one application, with daprd's flags");
  for (const auto& flag : daprd_flag_helps()) daprd_command->add_option("--" + flag.name, flag.help);

  auto* check_command = app.add_subcommand("check", "say what is wrong with FILES, without starting anything");
  check_command->add_option("files", check.files, "configuration files")->type_name("FILES")->required();
  check_command->add_flag("--json", connection.json, "print JSON, for scripts");
  check_command->callback([&] {
    check.output = connection.output();
    exit_code = local.check(check);
  });

  auto* check_data_command = app.add_subcommand("check-data", "verify the data directory of a stopped Holdfast");
  check_data_command->add_option("directory", check_data.directory, "the data directory")->type_name("DIR")->required();
  check_data_command->add_flag("--json", connection.json, "print JSON, for scripts");
  check_data_command->callback([&] {
    check_data.output = connection.output();
    exit_code = local.check_data(check_data);
  });

  auto* repair_command = app.add_subcommand("repair", "give up what is damaged in the data directory of a stopped Holdfast, keep the rest");
  repair_command->add_option("directory", repair.directory, "the data directory")->type_name("DIR")->required();
  repair_command->add_option("--drop-stream", repair.drop_stream, "drop the records of this stream; its positions go on")->type_name("NAME");
  repair_command->add_option("--drop-mail", repair.drop_mail, "drop the messages that wait for this address; its states stay")->type_name("ADDRESS");
  add_yes(*repair_command, repair.yes);
  repair_command->callback([&] { exit_code = local.repair(repair); });

  const auto add_client = [&](CLI::App& parent, const std::string& name, const std::string& help, auto action) {
    auto* command = parent.add_subcommand(name, help);
    add_connection_options(*command, connection);
    command->callback([&connection, &exit_code, action] { exit_code = action(client(connection)); });
    return command;
  };
  const auto add_message_options = [&](CLI::App& command) {
    command.add_option("address", message.address, "whom to")->type_name("ADDRESS")->required();
    command.add_option("value", message.value, "what; @FILE: a file's content, -: standard input")->type_name("VALUE")->required();
    command.add_option("--type", message.type, "its type: string, int, long, float, double, bool, json, bytes, or namespace/name (default string)")->type_name("TYPE");
    command.add_option("--key", message.key, "Idempotency-Key: said again with the same key, it happens once")->type_name("KEY");
  };

  auto* send = add_client(app, "send", "send a message; done when it is durable", [&](const ClientCommands& c) { return c.send(message); });
  add_message_options(*send);
  auto* call = add_client(app, "call", "send a message and print the reply", [&](const ClientCommands& c) { return c.call(message); });
  add_message_options(*call);
  call->add_option("--timeout", message.timeout, "how long to wait for the reply (default 30s)")->type_name("TIME");

  auto* state = app.add_subcommand("state", "look at states");
  state->require_subcommand(1);
  auto* state_get = add_client(*state, "get", "the states of one address", [&](const ClientCommands& c) { return c.state_get(address); });
  state_get->add_option("address", address, "whose")->type_name("ADDRESS")->required();
  auto* state_ls = add_client(*state, "ls", "the states of many addresses", [&](const ClientCommands& c) { return c.state_ls(list); });
  add_list_options(*state_ls, list);
  add_all_flag(*state_ls, list);
  auto* orphans = state->add_subcommand("orphans", "states that functions no longer declare: kept, and not sent to them");
  orphans->require_subcommand(1);
  auto* orphans_ls = add_client(*orphans, "ls", "list them, with how many values there are", [&](const ClientCommands& c) { return c.orphans_ls(drop.type); });
  orphans_ls->add_option("--type", drop.type, "only of this function")->type_name("TYPE");
  auto* orphans_drop = add_client(*orphans, "drop", "delete all their values", [&](const ClientCommands& c) { return c.orphans_drop(drop); });
  orphans_drop->add_option("type", drop.type, "the function that declared them")->type_name("TYPE")->required();
  orphans_drop->add_option("states", drop.states, "which")->type_name("STATE")->required();
  add_yes(*orphans_drop, drop.yes);

  auto* functions = add_client(app, "functions", "functions that have been called, and what they keep",
                               [&](const ClientCommands& c) { return c.functions(list); });
  add_ls(*functions);
  add_page_options(*functions, list);
  add_all_flag(*functions, list);
  add_ls(*add_client(app, "endpoints", "where functions are, and whether they can be reached", [](const ClientCommands& c) { return c.endpoints(); }));
  auto* addresses = add_client(app, "addresses", "addresses with work: waiting, in flight, parked", [&](const ClientCommands& c) { return c.addresses(list); });
  add_ls(*addresses);
  add_list_options(*addresses, list);
  add_all_flag(*addresses, list);

  auto* parked = app.add_subcommand("parked", "look at work that failed and stands still, and resume it");
  parked->require_subcommand(1);
  auto* parked_ls = add_client(*parked, "ls", "list it, with the reasons", [&](const ClientCommands& c) { return c.parked_ls(list); });
  add_list_options(*parked_ls, list);
  add_all_flag(*parked_ls, list);
  for (const std::string verb : {"retry", "skip"}) {
    auto* command = add_client(*parked, verb, verb == "retry" ? "try it again" : "drop the failed batch and go on",
                               [&resume, verb](const ClientCommands& c) { return c.parked_resume(verb, resume); });
    command->add_option("address", resume.address, "one address")->type_name("ADDRESS");
    command->add_option("--type", resume.type, "or all of this function")->type_name("TYPE");
    command->add_flag("--all", resume.all, "or everything");
  }

  auto* mail = app.add_subcommand("mail", "messages that wait for a function that cannot be reached");
  mail->require_subcommand(1);
  auto* mail_drop = add_client(*mail, "drop", "drop them, for a function or one address of it", [&](const ClientCommands& c) { return c.mail_drop(mail_of); });
  mail_drop->add_option("which", mail_of, "a function type, or one address")->type_name("TYPE|ADDRESS")->required();

  auto* timers = add_client(app, "timers", "what is due later: delayed sends", [&](const ClientCommands& c) { return c.timers(list); });
  add_ls(*timers);
  add_list_options(*timers, list);
  auto* kind = timers->add_option("--kind", list.kind, "delayed-send, expire-states, forget-request, trim-stream or expire-item")->type_name("KIND");
  timers->add_flag("--all", list.all, "all there are, also our own: states that expire, requests to be forgotten, streams to be trimmed, items that expire")->excludes(kind);
  auto* streams = add_client(app, "streams", "streams of records, and how much they keep", [&](const ClientCommands& c) { return c.streams(list); });
  add_ls(*streams);
  add_page_options(*streams, list);
  add_all_flag(*streams, list);

  const auto add_edge = [&](CLI::App& parent, const std::string& name, const std::string& help, auto action) {
    auto* command = parent.add_subcommand(name, help);
    add_connection_options(*command, connection);
    command->callback([&connection, &exit_code, action] { exit_code = action(edges(connection)); });
    return command;
  };
  auto* ingress = app.add_subcommand("ingress", "look at ingresses (Kafka, NATS), pause them, seek in them");
  ingress->require_subcommand(1);
  add_edge(*ingress, "ls", "where they are, and whether they go on", [](const EdgeCommands& e) { return e.ingress_ls(); });
  auto* ingress_show = add_edge(*ingress, "show", "all about one", [&](const EdgeCommands& e) { return e.ingress_show(id); });
  add_id(*ingress_show, id, "which");
  auto* pause = add_edge(*ingress, "pause", "take in nothing more, also over a restart", [&](const EdgeCommands& e) { return e.ingress_pause(id); });
  add_id(*pause, id, "which");
  auto* unpause = add_edge(*ingress, "resume", "go on after a pause", [&](const EdgeCommands& e) { return e.ingress_resume(id); });
  add_id(*unpause, id, "which");
  auto* seek_command = add_edge(*ingress, "seek", "go on from elsewhere: what is skipped has no effect, what is read again has it again",
                                [&](const EdgeCommands& e) { return e.ingress_seek(seek); });
  add_id(*seek_command, seek.ingress, "which");
  seek_command->add_option("--to", seek.to, "earliest, latest, or a time as 2026-11-21T10:00:00Z")->type_name("WHERE");
  seek_command->add_option("--to-position", seek.to_position, "or a position of the source (a Kafka offset, a JetStream sequence)")->type_name("N");
  seek_command->add_option("--source", seek.source, "only this source, as TOPIC/PARTITION (default: all)")->type_name("SOURCE");
  add_yes(*seek_command, seek.yes);
  auto* ingress_parked = add_edge(*ingress, "parked", "records that could not become messages, and why",
                                  [&](const EdgeCommands& e) { return e.ingress_parked(id, list.limit); });
  add_id(*ingress_parked, id, "which");
  ingress_parked->add_option("--limit", list.limit, "at most so many")->type_name("N")->capture_default_str();
  auto* ingress_retry = add_edge(*ingress, "retry", "try all parked records again", [&](const EdgeCommands& e) { return e.ingress_retry(id); });
  add_id(*ingress_retry, id, "which");
  auto* ingress_skip = add_edge(*ingress, "skip", "drop all parked records", [&](const EdgeCommands& e) { return e.ingress_skip(id); });
  add_id(*ingress_skip, id, "which");

  auto* egress = app.add_subcommand("egress", "look at egresses (Kafka, NATS), resume one that stopped");
  egress->require_subcommand(1);
  add_edge(*egress, "ls", "what waits to be sent, and whether it is", [](const EdgeCommands& e) { return e.egress_ls(); });
  auto* egress_resume = add_edge(*egress, "resume", "go on though records may be sent twice, or be missing",
                                 [&](const EdgeCommands& e) { return e.egress_resume(id, yes); });
  add_id(*egress_resume, id, "which");
  add_yes(*egress_resume, yes);
  auto* egress_retry = add_edge(*egress, "retry", "send all that could not be sent and was set aside", [&](const EdgeCommands& e) { return e.egress_retry(id); });
  add_id(*egress_retry, id, "which");
  auto* egress_skip = add_edge(*egress, "skip", "drop all that was set aside", [&](const EdgeCommands& e) { return e.egress_skip(id); });
  add_id(*egress_skip, id, "which");

  const auto add_module = [&](const std::string& name, const std::string& help, auto action) {
    auto* command = app.add_subcommand(name, help);
    add_connection_options(*command, connection);
    command->callback([&connection, &exit_code, action] { exit_code = action(modules(connection)); });
    return command;
  };
  add_ls(*add_module("modules", "functions that run in Holdfast's own process, and what they are made of", [](const ModuleCommands& m) { return m.modules(); }));
  add_module("reload", "load their files anew; calls under way end in the old code", [](const ModuleCommands& m) { return m.reload(); });

  auto* make = app.add_subcommand("new", "make something to begin with");
  make->require_subcommand(1);
  auto* make_function = make->add_subcommand("function", "a project with one stateful function, which builds, tests and runs");
  make_function->add_option("name", new_function_arguments.name, "its type: name, or namespace/name")->type_name("NAME")->required();
  make_function->add_option("--lang", new_function_arguments.language, "cpp, js or py")->type_name("LANG")->required();
  make_function->add_option("--dir", new_function_arguments.directory, "where to (default: a folder with the function's name)")->type_name("DIR");
  make_function->callback([&] { exit_code = new_function(new_function_arguments); });

  auto* version = app.add_subcommand("version", "print the version of this program");
  add_connection_options(*version, connection);  // So that scripts may say the same options everywhere.
  version->callback([&] {
    if (connection.json) std::cout << "{\"version\":\"" << local.version << "\"}\n";
    else std::cout << local.version << "\n";
  });
  auto* completion = app.add_subcommand("completion", "print a completion script: source <(holdfast completion bash)");
  completion->add_option("shell", shell, "bash, zsh or fish")->check(CLI::IsMember({"bash", "zsh", "fish"}))->required();
  completion->callback([&] { std::cout << completion_script(shell, completion_entries(app, "")); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and version come this way, too.
    return app.exit(error) == 0 ? kExitDone : kExitUsage;
  }
  if (app.get_subcommands().empty()) {
    std::cerr << app.help();
    return kExitUsage;
  }
  return exit_code;
}

}  // namespace holdfast::cli
