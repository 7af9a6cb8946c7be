// A real database server for tests: a process of its own on a free port of 127.0.0.1 with its data in a temporary directory. kill() is
// SIGKILL; start() brings it back with the same port and data.
#pragma once

#include <arpa/inet.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "asking.h"
#include "temp_directory.h"

namespace holdfast::testing {

[[nodiscard]] inline int free_port() {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(listener);
  return ntohs(address.sin_port);
}

[[nodiscard]] inline bool accepts(int port) {
  const int client = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool ok = ::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(client);
  return ok;
}

// In the folders of PATH, and those that hold servers; empty: there is none.
[[nodiscard]] inline std::string find_program(const std::string& name, const std::string& more = "") {
  const char* path = std::getenv("PATH");
  std::string folders = (path == nullptr ? "" : path) + std::string(":/usr/bin:/usr/sbin:/usr/local/bin:") + more + ":";
  for (std::size_t at = 0; at < folders.size();) {
    const auto end = folders.find(':', at);
    std::string file = folders.substr(at, end - at) + "/" + name;
    if (::access(file.c_str(), X_OK) == 0) return file;
    at = end + 1;
  }
  return "";
}

// It goes when this process goes, however that goes. -1: it could not be started.
inline pid_t spawn(std::vector<std::string> command, const std::string& user = "") {
  std::vector<std::string> before{find_program("setpriv"), "--pdeathsig", "KILL"};
  if (!user.empty()) before.insert(before.end(), {"--reuid", user, "--regid", user, "--clear-groups"});
  command.insert(command.begin(), before.begin(), before.end());
  std::vector<char*> words;
  for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", 0, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", 1, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", 1, 0);
  pid_t child = -1;
  const int error = ::posix_spawn(&child, words[0], &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return error == 0 ? child : -1;
}

class Server {
 public:
  // `command` for a port, run by `user` (empty: whoever we are).
  explicit Server(std::function<std::vector<std::string>(int port)> command, std::string user = "") : command_(std::move(command)), user_(std::move(user)) {}
  ~Server() { kill(); }

  void start() {
    // Somebody else may take the port in between: then another. One that was killed may leave behind what ends a little later.
    const bool is_up = eventually([this] {
      if (has_ended()) {
        if (!was_up_) port_ = free_port();
        child_ = spawn(command_(port_), user_);
      }
      return child_ > 0 && accepts(port_) && !has_ended();
    });
    if (!is_up) ADD_FAILURE() << "the server does not start";
    was_up_ = true;
  }
  void kill(int signal = SIGKILL) {
    if (child_ <= 0) return;
    ::kill(child_, signal);
    ::waitpid(child_, nullptr, 0);
    child_ = -1;
  }
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  [[nodiscard]] bool has_ended() {
    if (child_ > 0 && ::waitpid(child_, nullptr, WNOHANG) == child_) child_ = -1;
    return child_ <= 0;
  }
  std::function<std::vector<std::string>(int)> command_;
  std::string user_;
  int port_ = 0;
  pid_t child_ = -1;
  bool was_up_ = false;
};

// Redis that has on its disk what it has answered.
class RedisServer {
 public:
  explicit RedisServer(std::vector<std::string> more = {}) : more_(std::move(more)) { server_.start(); }
  [[nodiscard]] static std::string program() { return find_program("redis-server"); }
  Server& process() { return server_; }
  [[nodiscard]] std::string address() const { return server_.address(); }

 private:
  TempDirectory folder_;
  std::vector<std::string> more_;
  Server server_{[this](int port) {
    std::vector<std::string> command{program(),      "--bind", "127.0.0.1", "--port", std::to_string(port),  "--dir", folder_.path(), "--save", "",
                                     "--appendonly", "yes",    "--appendfsync", "always"};
    command.insert(command.end(), more_.begin(), more_.end());
    return command;
  }};
};

// PostgreSQL with one user, `test`, who needs no password, and the database `postgres`. It never runs as root: then user nobody runs it.
class PostgresServer {
 public:
  PostgresServer() {
    if (!user_.empty() && ::chown(folder_.path().c_str(), 65534, 65534) != 0) ADD_FAILURE() << "the folder cannot be given away";
    const pid_t child = spawn({program("initdb"), "-D", folder_.path() + "/data", "-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"}, user_);
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0) << "initdb";
    server_.start();
  }
  // At once, but with its shared memory given back.
  ~PostgresServer() { server_.kill(SIGQUIT); }
  [[nodiscard]] static std::string program(const std::string& name) {
    return find_program(name, "/usr/lib/postgresql/17/bin:/usr/lib/postgresql/16/bin:/usr/lib/postgresql/15/bin");
  }
  Server& process() { return server_; }
  [[nodiscard]] std::string connection_string() const { return "host=127.0.0.1 port=" + std::to_string(server_.port()) + " user=test database=postgres"; }

 private:
  TempDirectory folder_;
  const std::string user_ = ::geteuid() == 0 ? "65534" : "";
  // A process that is killed leaves what it wrote to the system: no fsync is needed for that to last.
  Server server_{[this](int port) -> std::vector<std::string> {
                   return {program("postgres"), "-D", folder_.path() + "/data", "-p", std::to_string(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"};
                 },
                 user_};
};

}  // namespace holdfast::testing
