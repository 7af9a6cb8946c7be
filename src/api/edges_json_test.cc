#include "api/edges_json.h"

#include <gtest/gtest.h>

namespace holdfast::api {
namespace {

TEST(EdgesJson, AnIngressShowsWhatIsKnownOfItsSources) {
  ports::IngressInfo info{.id = "shop/in", .kind = "io.statefun.kafka.v1/ingress", .paused = true, .trouble = "no \"broker\"", .taken = 7,
                          .bad = 3, .lost = 2, .parked = 1, .sources = {}};
  info.sources.push_back({.source = "shop/in/orders/0", .next = 5, .end = 9, .lag = 4, .waiting = true});
  info.sources.push_back({.source = "shop/in/orders/1", .next = 0, .end = 6, .lag = 6});
  info.sources.push_back({.source = "shop/in/orders/2"});
  EXPECT_EQ(ingress_json(info),
            R"({"id":"shop/in","kind":"io.statefun.kafka.v1/ingress","paused":true,"trouble":"no \"broker\"","lag":10,"taken":7,"bad":3,)"
            R"("lost":2,"parked":1,"sources":[{"source":"shop/in/orders/0","position":5,"end":9,"lag":4,"waiting":true},)"
            R"({"source":"shop/in/orders/1","position":0,"end":6,"lag":6,"waiting":false},{"source":"shop/in/orders/2","waiting":false}]})");
}

TEST(EdgesJson, TroubleAndLagAreLeftOutWhereThereAreNone) {
  EXPECT_EQ(ingresses_json({{.id = "a/b", .kind = "k/i"}}),
            R"({"ingresses":[{"id":"a/b","kind":"k/i","paused":false,"taken":0,"bad":0,"lost":0,"parked":0,"sources":[]}]})");
  EXPECT_EQ(egresses_json({}), R"({"egresses":[]})");
}

TEST(EdgesJson, AnEgressShowsItsOutbox) {
  EXPECT_EQ(egress_json({.id = "shop/out", .kind = "k/e", .delivery = "exactly-once", .trouble = "the position is lost", .stopped = true,
                         .waiting = 3, .bytes = 300, .bytes_max = 1000, .sent = 9, .position = 12, .parked = 1}),
            R"({"id":"shop/out","kind":"k/e","delivery":"exactly-once","stopped":true,"trouble":"the position is lost","waiting":3,)"
            R"("bytes":300,"bytes_max":1000,"sent":9,"position":12,"unsendable":1})");
}

TEST(EdgesJson, ParkedRecordsShowWhereTheyCameFromAndWhyButNotTheirValues) {
  ports::StreamPage page{.records = {}, .next = 9, .first = 6, .end = 20, .bytes = 700};
  page.records.push_back({7, {.key = "k", .value = {"t/raw", "12345", true}, .source = "shop/in/orders/0@17", .error = "no such function", .time = {1}}});
  page.records.push_back({8, {.key = "\xff", .value = {"", "", false}, .source = "shop/in/orders/0@18", .error = "no value", .time = {2}}});
  EXPECT_EQ(parked_records_json(page),
            R"({"parked":[{"position":7,"time":"1970-01-01T00:00:00.001Z","place":"shop/in/orders/0@17","key":"k","type":"t/raw","bytes":5,)"
            R"("error":"no such function"},{"position":8,"time":"1970-01-01T00:00:00.002Z","place":"shop/in/orders/0@18","key_base64":"/w==",)"
            R"("type":"","error":"no value"}],"next":9,"first":6,"records":14,"bytes":700})");
}

}  // namespace
}  // namespace holdfast::api
