// Operations of ingresses and egresses: the admin API and the commands, over edges that are not real but answer on threads of theirs.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <stdlib.h>

#include "api_fixture.h"
#include "cli/command_line.h"
#include "model/edges.h"

namespace holdfast {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Does as it is told, on a thread of its own, and remembers it.
class FakeIngress final : public ports::Ingress {
 public:
  explicit FakeIngress(ports::IngressInfo info) : info_(std::move(info)), id_(info_.id) {}

  [[nodiscard]] const std::string& id() const override { return id_; }
  void start() override {}
  void stop(std::function<void()> done) override { done(); }
  void info(Done<ports::IngressInfo> done) override {
    loop_.post([this, done = std::move(done)] {
      if (!cannot_tell.empty()) return done(fail(ErrorCode::Timeout, cannot_tell));
      if (late) return late->set_value([this, done] { loop_.post([this, done] { done(info_); }); });
      done(info_);
    });
  }
  void pause(Done<void> done) override { set_paused(true, std::move(done)); }
  void resume(Done<void> done) override { set_paused(false, std::move(done)); }
  void seek(std::string source, ports::SeekTo to, Done<void> done) override {
    loop_.post([this, source = std::move(source), to, done = std::move(done)] {
      const bool known = source.empty() || std::ranges::any_of(info_.sources, [&](const auto& each) { return each.source == source; });
      if (!known) return done(fail(ErrorCode::NotFound, id_ + " has no source " + source));
      sought.push_back({source, to});
      done({});
    });
  }
  void retry_parked(Done<std::uint64_t> done) override {
    loop_.post([done = std::move(done)] { done(2); });
  }
  void skip_parked(Done<std::uint64_t> done) override {
    loop_.post([done = std::move(done)] { done(1); });
  }
  void collect(MetricsSink& /*sink*/) const override {}
  void end() { loop_.stop(); }

  // Read when nothing is under way.
  std::vector<std::pair<std::string, ports::SeekTo>> sought;
  std::string cannot_tell;
  std::optional<std::promise<Task>> late;  // Gets what gives the answer, instead of the answer being given.

 private:
  void set_paused(bool paused, Done<void> done) {
    loop_.post([this, paused, done = std::move(done)] {
      info_.paused = paused;
      done({});
    });
  }
  ports::IngressInfo info_;
  std::string id_;
  WorkerLoop loop_{"ingress"};
};

class FakeEgress final : public ports::Egress {
 public:
  explicit FakeEgress(ports::EgressInfo info) : info_(std::move(info)), id_(info_.id) {}

  [[nodiscard]] const std::string& id() const override { return id_; }
  void start() override {}
  void stop(Duration /*grace*/, std::function<void()> done) override { done(); }
  void info(Done<ports::EgressInfo> done) override {
    loop_.post([this, done = std::move(done)] { done(info_); });
  }
  void resume(Done<void> done) override {
    loop_.post([this, done = std::move(done)] {
      if (!info_.stopped) return done(fail(ErrorCode::Conflict, id_ + " is not stopped"));
      info_.stopped = false;
      info_.trouble.clear();
      done({});
    });
  }
  void retry_unsendable(Done<std::uint64_t> done) override {
    loop_.post([done = std::move(done)] { done(4); });
  }
  void skip_unsendable(Done<std::uint64_t> done) override {
    loop_.post([done = std::move(done)] { done(5); });
  }
  void collect(MetricsSink& /*sink*/) const override {}
  void end() { loop_.stop(); }

 private:
  ports::EgressInfo info_;
  std::string id_;
  WorkerLoop loop_{"egress"};
};

// What a command printed, and how it ended.
struct Said {
  int exit_code = 0;
  std::string out, err;
};

class EdgesTest : public ApiTest {
 protected:
  void add_edges(api::AdminOptions& admin) override {
    admin.ingresses = {&other_, &orders_};
    admin.egresses = {&out_, &stuck_};
  }
  void SetUp() override {
    ApiTest::SetUp();
    ASSERT_EQ(::setenv("HOLDFAST_TOKEN", "secret", 1), 0);
  }
  void TearDown() override {
    orders_.end();
    other_.end();
    out_.end();
    stuck_.end();
    ApiTest::TearDown();
    ::unsetenv("HOLDFAST_TOKEN");
  }

  // As an ingress parks them: in one epoch with the position behind them.
  void park(const std::string& ingress, std::vector<model::StreamRecord> records) {
    ports::SourceBatch batch{.source = ingress + "/orders/0", .from = parked_, .next = parked_.value_or(0) + records.size(), .commands = {}};
    parked_ = batch.next;
    for (auto& record : records) batch.commands.emplace_back(model::AppendRecord{model::parked_stream(ingress), std::move(record)});
    std::promise<Result<void>> taken;
    std::promise<void> durable;
    runtime_->take_in(std::move(batch), [&](Result<void> result) { taken.set_value(std::move(result)); }, [&] { durable.set_value(); });
    ASSERT_TRUE(taken.get_future().get().has_value());
    durable.get_future().wait();
  }

  // Runs a command with `input` as standard input.
  Said command(std::vector<std::string> arguments, int input) {
    const int kept = ::dup(STDIN_FILENO);
    EXPECT_EQ(::dup2(input, STDIN_FILENO), STDIN_FILENO);
    arguments.insert(arguments.begin(), "holdfast");
    arguments.insert(arguments.end(), {"--admin", admin_url_});
    std::vector<const char*> argv;
    for (const auto& argument : arguments) argv.push_back(argument.c_str());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    Said said;
    said.exit_code = cli::run(static_cast<int>(argv.size()), argv.data(), {.version = "test", .up = {}, .check = {}, .check_data = {}});
    said.out = ::testing::internal::GetCapturedStdout();
    said.err = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(::dup2(kept, STDIN_FILENO), STDIN_FILENO);
    ::close(kept);
    return said;
  }
  Said command(std::vector<std::string> arguments) {
    const int nobody = ::open("/dev/null", O_RDONLY);
    Said said = command(std::move(arguments), nobody);
    ::close(nobody);
    return said;
  }
  // Somebody at a terminal, who answers what is asked.
  Said command_answered(std::vector<std::string> arguments, const std::string& answer) {
    const int person = ::posix_openpt(O_RDWR | O_NOCTTY);
    EXPECT_EQ(::grantpt(person), 0);
    EXPECT_EQ(::unlockpt(person), 0);
    char name[128];
    EXPECT_EQ(::ptsname_r(person, name, sizeof name), 0);
    const int terminal = ::open(name, O_RDWR | O_NOCTTY);
    EXPECT_EQ(::write(person, (answer + "\n").data(), answer.size() + 1), static_cast<ssize_t>(answer.size() + 1));
    Said said = command(std::move(arguments), terminal);
    ::close(terminal);
    ::close(person);
    return said;
  }

  FakeIngress orders_{{.id = "shop/in",
                       .kind = "io.statefun.kafka.v1/ingress",
                       .taken = 40,
                       .bad = 3,
                       .parked = 2,
                       .sources = {{.source = "shop/in/orders/0", .next = 17, .end = 20, .lag = 3, .waiting = true},
                                   {.source = "shop/in/orders/1", .next = 5, .end = 5, .lag = 0}}}};
  FakeIngress other_{{.id = "shop/a/b", .kind = "holdfast.nats.v1/ingress", .trouble = "no servers"}};
  FakeEgress out_{{.id = "shop/out", .kind = "k/e", .delivery = "at-least-once", .waiting = 1, .bytes = 10, .bytes_max = 100, .sent = 9}};
  FakeEgress stuck_{{.id = "shop/stuck", .kind = "k/e", .delivery = "exactly-once", .trouble = "the position is lost", .stopped = true, .waiting = 4}};

 private:
  std::optional<std::uint64_t> parked_;
};

TEST_F(EdgesTest, IngressesAreListedByIdAndShown) {
  const std::string shop_in =
      "{\"id\":\"shop/in\",\"kind\":\"io.statefun.kafka.v1/ingress\",\"paused\":false,\"lag\":3,\"taken\":40,\"bad\":3,\"lost\":0,\"parked\":2,"
      "\"sources\":[{\"source\":\"shop/in/orders/0\",\"position\":17,\"end\":20,\"lag\":3,\"waiting\":true},"
      "{\"source\":\"shop/in/orders/1\",\"position\":5,\"end\":5,\"lag\":0,\"waiting\":false}]}";
  const std::string shop_ab =
      "{\"id\":\"shop/a/b\",\"kind\":\"holdfast.nats.v1/ingress\",\"paused\":false,\"trouble\":\"no servers\",\"taken\":0,\"bad\":0,\"lost\":0,"
      "\"parked\":0,\"sources\":[]}";
  EXPECT_EQ(admin("GET", "/v1/ingresses").body, "{\"ingresses\":[" + shop_ab + "," + shop_in + "]}\n");
  EXPECT_EQ(admin("GET", "/v1/ingresses/shop/in").body, shop_in + "\n");
  EXPECT_EQ(admin("GET", "/v1/ingresses/shop%2Fa/b").body, shop_ab + "\n");
}

TEST_F(EdgesTest, AnIngressThatCannotTellDoesNotHideTheOthers) {
  other_.cannot_tell = "the broker does not answer";
  const auto list = admin("GET", "/v1/ingresses");
  EXPECT_EQ(list.status, 200);
  EXPECT_THAT(list.body, AllOf(HasSubstr("\"trouble\":\"the broker does not answer\""), HasSubstr("\"id\":\"shop/in\"")));
  EXPECT_EQ(admin("GET", "/v1/ingresses/shop%2Fa/b").status, 504);
}

TEST_F(EdgesTest, AnAnswerThatComesWhenTheAdminIsGoneGoesNowhere) {
  orders_.late.emplace();
  RawConnection client(servers_[1]->port());
  client.write("GET /v1/ingresses HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer secret\r\n\r\n");
  const Task answer = orders_.late->get_future().get();
  std::promise<void> closed;
  servers_[1]->close([&] { closed.set_value(); });
  closed.get_future().wait();
  servers_.erase(servers_.begin() + 1);
  admin_.reset();
  answer();
  orders_.end();
  EXPECT_EQ(client.read_until("}"), "");
}

TEST_F(EdgesTest, WhatIsWrongIsSaid) {
  const auto unknown = admin("GET", "/v1/ingresses/shop/nothing");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_THAT(unknown.body, HasSubstr("there is no ingress \\\"shop/nothing\\\"; there are shop/a/b, shop/in"));
  EXPECT_THAT(admin("POST", "/v1/egresses/shop/in/resume").body, HasSubstr("there is no egress \\\"shop/in\\\"; there are shop/out, shop/stuck"));
  for (const char* path : {"/v1/ingresses/shop", "/v1/ingresses/shop/in/stop", "/v1/ingresses/shop/in/parked/none", "/v1/egresses/shop/out/pause",
                           "/v1/ingresses/shop/in/pause/retry", "/v1/ingresses/shop/in/", "/v1/ingresses/shop/in/parked/retry/x"}) {
    EXPECT_EQ(admin("POST", path).status, 404) << path;
  }
  for (const char* path : {"/v1/ingresses", "/v1/ingresses/shop/in", "/v1/ingresses/shop/in/parked", "/v1/egresses", "/v1/egresses/shop/out"}) {
    const auto answer = admin("POST", path);
    EXPECT_EQ(answer.status, 405) << path;
    EXPECT_EQ(answer.headers.get("allow"), "GET, HEAD") << path;
  }
  for (const char* path : {"/v1/ingresses/shop/in/pause", "/v1/ingresses/shop/in/seek", "/v1/ingresses/shop/in/parked/skip", "/v1/egresses/shop/out/resume"}) {
    const auto answer = admin("GET", path);
    EXPECT_EQ(answer.status, 405) << path;
    EXPECT_EQ(answer.headers.get("allow"), "POST") << path;
  }
  EXPECT_EQ(admin("GET", "/v1/ingresses?limit=1").status, 400);
  EXPECT_EQ(admin("POST", "/v1/ingresses/shop/in/pause?now").status, 400);
  EXPECT_EQ(ask(admin_url_, "POST", "/v1/ingresses/shop/in/pause").status, 401);
}

TEST_F(EdgesTest, APauseIsShownAndDoesNotMakeTheProcessUnready) {
  EXPECT_EQ(admin("POST", "/v1/ingresses/shop/in/pause").body, "{\"paused\":true}\n");
  EXPECT_THAT(admin("GET", "/v1/ingresses/shop/in").body, HasSubstr("\"paused\":true"));
  EXPECT_EQ(admin("GET", "/readyz").status, 200);
  EXPECT_EQ(admin("POST", "/v1/ingresses/shop/in/resume").body, "{\"paused\":false}\n");
  EXPECT_THAT(admin("GET", "/v1/ingresses/shop/in").body, HasSubstr("\"paused\":false"));
}

TEST_F(EdgesTest, ASeekReachesTheIngressAsItWasSaid) {
  const std::string path = "/v1/ingresses/shop/in/seek";
  EXPECT_EQ(admin("POST", path, R"({"to": "earliest"})").body, "{\"sought\":true}\n");
  EXPECT_EQ(admin("POST", path, R"({"source": "shop/in/orders/1", "to": 4})").status, 200);
  EXPECT_EQ(admin("POST", path, R"({"to": "1970-01-01T00:00:01Z"})").status, 200);
  EXPECT_EQ(admin("POST", path, R"({"source": "shop/in/nothing/0", "to": "latest"})").status, 404);
  EXPECT_EQ(admin("POST", path, R"({"to": 4})").status, 400);
  EXPECT_EQ(admin("POST", path).status, 400);
  EXPECT_EQ(ask(admin_url_, "POST", path, {{"authorization", "Bearer secret"}, {"content-encoding", "gzip"}}, "x").status, 415);
  using Kind = ports::SeekTo::Kind;
  ASSERT_EQ(orders_.sought.size(), 3u);
  EXPECT_EQ(orders_.sought[0].first, "");
  EXPECT_EQ(orders_.sought[0].second.kind, Kind::Earliest);
  EXPECT_EQ(orders_.sought[1].first, "shop/in/orders/1");
  EXPECT_EQ(orders_.sought[1].second.kind, Kind::Position);
  EXPECT_EQ(orders_.sought[1].second.position, 4u);
  EXPECT_EQ(orders_.sought[2].second.kind, Kind::Time);
  EXPECT_EQ(orders_.sought[2].second.time.unix_ms, 1000);
}

TEST_F(EdgesTest, ParkedRecordsAreListedAPageAtATime) {
  EXPECT_EQ(admin("GET", "/v1/ingresses/shop/in/parked").body, "{\"parked\":[],\"next\":0,\"first\":0,\"records\":0,\"bytes\":0}\n");
  park("shop/in", {{.key = "a", .value = {"t/raw", "12345"}, .source = "shop/in/orders/0@17", .error = "no endpoint serves shop/cart"},
                   {.key = "b", .value = {"", "", false}, .source = "shop/in/orders/0@18", .error = "no value (a tombstone)"},
                   {.key = "\xff", .value = {"t/raw", "1"}, .source = "shop/in/orders/1@3", .error = "no endpoint serves shop/cart"}});
  const auto first = cli::Json::parse(admin("GET", "/v1/ingresses/shop/in/parked?limit=2").body).value();
  ASSERT_EQ(first["parked"].items().size(), 2u);
  EXPECT_EQ(first["parked"].items()[0]["place"].text(), "shop/in/orders/0@17");
  EXPECT_EQ(first["parked"].items()[0]["key"].text(), "a");
  EXPECT_EQ(first["parked"].items()[0]["bytes"].number(), 5);
  EXPECT_EQ(first["parked"].items()[0]["error"].text(), "no endpoint serves shop/cart");
  EXPECT_TRUE(first["parked"].items()[1]["bytes"].is_null());
  EXPECT_EQ(first["records"].number(), 3);
  const auto rest = cli::Json::parse(admin("GET", "/v1/ingresses/shop/in/parked?from=" + first["next"].text()).body).value();
  ASSERT_EQ(rest["parked"].items().size(), 1u);
  EXPECT_EQ(rest["parked"].items()[0]["key_base64"].text(), "/w==");
  EXPECT_THAT(ask(gateway_url_, "GET", "/v1/streams/holdfast/parked/shop:in").body, HasSubstr("\"value\":12345")) << "the values are in the stream";

  EXPECT_EQ(admin("POST", "/v1/ingresses/shop/in/parked/retry").body, "{\"retried\":2}\n");
  EXPECT_EQ(admin("POST", "/v1/ingresses/shop/in/parked/skip").body, "{\"skipped\":1}\n");
  EXPECT_EQ(admin("GET", "/v1/ingresses/shop/in/parked?limit=10001").status, 400);
  EXPECT_EQ(admin("GET", "/v1/ingresses/shop/in/parked?before=1").status, 400);
}

TEST_F(EdgesTest, EgressesAreListedAndAStoppedOneResumed) {
  EXPECT_THAT(admin("GET", "/v1/egresses").body,
              ::testing::StartsWith("{\"egresses\":[{\"id\":\"shop/out\",\"kind\":\"k/e\",\"delivery\":\"at-least-once\",\"stopped\":false,\"waiting\":1,"
                                    "\"bytes\":10,\"bytes_max\":100,\"sent\":9,\"position\":0,\"unsendable\":0},{\"id\":\"shop/stuck\""));
  EXPECT_THAT(admin("GET", "/v1/egresses/shop/stuck").body, HasSubstr("\"stopped\":true,\"trouble\":\"the position is lost\""));
  EXPECT_EQ(admin("POST", "/v1/egresses/shop/stuck/resume").body, "{\"resumed\":true}\n");
  EXPECT_THAT(admin("GET", "/v1/egresses/shop/stuck").body, HasSubstr("\"stopped\":false,\"waiting\":4"));
  EXPECT_EQ(admin("POST", "/v1/egresses/shop/stuck/resume").status, 409);
}

TEST_F(EdgesTest, TheCommandsShowAndTell) {
  const auto ls = command({"ingress", "ls"});
  EXPECT_EQ(ls.exit_code, 0) << ls.err;
  EXPECT_EQ(ls.out,
            "INGRESS   STATUS   SOURCE    POSITION  LAG  TAKEN  BAD  PARKED  TROUBLE\n"
            "shop/a/b  trouble                               0               no servers\n"
            "shop/in   waiting  orders/0        17    3     40    3       2\n"
            "                   orders/1         5    0\n");
  EXPECT_EQ(command({"ingress", "ls", "--json"}).out, admin("GET", "/v1/ingresses").body);
  EXPECT_EQ(command({"ingress", "pause", "shop/in"}).out, "shop/in is paused, also over a restart, until it is resumed\n");
  EXPECT_THAT(command({"ingress", "show", "shop/in"}).out,
              AllOf(HasSubstr("status   paused\n"), HasSubstr("lag      3\n"), HasSubstr("orders/0        17   20    3  for functions\n")));
  EXPECT_EQ(command({"ingress", "resume", "shop/in", "--json"}).out, "{\"paused\":false}\n");
  EXPECT_THAT(command({"ingress", "show", "shop/a/b"}).out, AllOf(HasSubstr("trouble  no servers\n"), HasSubstr("no sources are known yet")));

  EXPECT_EQ(command({"ingress", "parked", "shop/in"}).out, "nothing is parked\n");
  park("shop/in", {{.key = "a", .value = {"t/raw", "12345"}, .source = "shop/in/orders/0@17", .error = "no endpoint serves shop/cart"}});
  EXPECT_THAT(command({"ingress", "parked", "shop/in"}).out, AllOf(HasSubstr("orders/0@17  a"), HasSubstr("no endpoint serves shop/cart")));
  EXPECT_THAT(command({"ingress", "retry", "shop/in"}).out, HasSubstr("2 records went to the functions"));
  EXPECT_EQ(command({"ingress", "skip", "shop/in"}).out, "dropped 1 record\n");

  EXPECT_THAT(command({"egress", "ls"}).out, AllOf(HasSubstr("shop/out    at-least-once  running"), HasSubstr("exactly-once   stopped")));
  const auto unknown = command({"ingress", "pause", "shop/nothing"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("there is no ingress \"shop/nothing\""));
  EXPECT_EQ(command({"ingress", "pause", "nothing"}).exit_code, 2);
}

TEST_F(EdgesTest, ASeekIsMeantOrNotMade) {
  const auto nobody = command({"ingress", "seek", "shop/in", "--to", "earliest"});
  EXPECT_EQ(nobody.exit_code, 2);
  EXPECT_THAT(nobody.err, AllOf(HasSubstr("ends exactly-once"), HasSubstr("orders/0 is at 17, outside goes up to 20"), HasSubstr("--yes")));
  EXPECT_EQ(nobody.out, "");
  const auto declined = command_answered({"ingress", "seek", "shop/in", "--to", "earliest"}, "n");
  EXPECT_EQ(declined.exit_code, 1);
  EXPECT_THAT(declined.err, AllOf(HasSubstr("Go on? [y/N]"), HasSubstr("nothing was done")));
  EXPECT_EQ(command({"ingress", "seek", "shop/in", "--to-position", "4", "--yes"}).exit_code, 2) << "of which source?";
  EXPECT_EQ(command({"ingress", "seek", "shop/in", "--to", "noon", "--yes"}).exit_code, 2);
  EXPECT_EQ(command({"ingress", "seek", "shop/in", "--yes"}).exit_code, 2) << "where to?";
  EXPECT_EQ(command({"ingress", "seek", "shop/in", "--to", "latest", "--source", "nothing/0", "--yes"}).exit_code, 1);
  EXPECT_TRUE(orders_.sought.empty());

  const auto accepted = command_answered({"ingress", "seek", "shop/in", "--to", "latest"}, "y");
  EXPECT_EQ(accepted.exit_code, 0) << accepted.err;
  EXPECT_EQ(accepted.out, "shop/in goes on from latest\n");
  const auto meant = command({"ingress", "seek", "shop/in", "--to-position", "4", "--source", "orders/1", "--yes"});
  EXPECT_EQ(meant.exit_code, 0) << meant.err;
  EXPECT_THAT(meant.err, AllOf(HasSubstr("A seek of shop/in/orders/1 to position 4"), HasSubstr("orders/1 is at 5"), Not(HasSubstr("orders/0"))));
  EXPECT_EQ(command({"ingress", "pause", "shop/in"}).exit_code, 0);
  EXPECT_EQ(command({"ingress", "seek", "shop/in", "--to", "earliest", "--yes"}).out, "shop/in goes on from earliest when it is resumed\n");
  ASSERT_EQ(orders_.sought.size(), 3u);
  EXPECT_EQ(orders_.sought[0].second.kind, ports::SeekTo::Kind::Latest);
  EXPECT_EQ(orders_.sought[1].first, "shop/in/orders/1");
  EXPECT_EQ(orders_.sought[1].second.position, 4u);
}

TEST_F(EdgesTest, AnEgressIsResumedOnlyByWhoMeansIt) {
  const auto nobody = command({"egress", "resume", "shop/stuck"});
  EXPECT_EQ(nobody.exit_code, 2);
  EXPECT_THAT(nobody.err, AllOf(HasSubstr("the position is lost"), HasSubstr("all of the 4 records"), HasSubstr("--yes")));
  EXPECT_THAT(admin("GET", "/v1/egresses/shop/stuck").body, HasSubstr("\"stopped\":true"));
  const auto healthy = command({"egress", "resume", "shop/out", "--yes"});
  EXPECT_EQ(healthy.exit_code, 1);
  EXPECT_THAT(healthy.err, HasSubstr("not stopped"));
  EXPECT_EQ(command({"egress", "resume", "shop/stuck", "--yes"}).out, "shop/stuck goes on\n");
  EXPECT_THAT(admin("GET", "/v1/egresses/shop/stuck").body, HasSubstr("\"stopped\":false"));
}

using NoEdges = ApiTest;

TEST_F(NoEdges, AreEmptyLists) {
  EXPECT_EQ(admin("GET", "/v1/ingresses").body, "{\"ingresses\":[]}\n");
  EXPECT_EQ(admin("GET", "/v1/egresses").body, "{\"egresses\":[]}\n");
  EXPECT_THAT(admin("POST", "/v1/ingresses/shop/in/pause").body, HasSubstr("there is no ingress \\\"shop/in\\\"\""));
}

}  // namespace
}  // namespace holdfast
