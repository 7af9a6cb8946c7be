// States that nobody declares any more: counted, and dropped, wherever their rows are.
#include "core_fixture.h"
#include <set>
namespace holdfast { namespace {
// Functions with a state, then without.
TEST(Orphans, AreCountedOnceAndAllDroppedWhereverTheirRowsAre) {
  for (const std::size_t shards : {1, 3}) {
    Core core{shards};
    core.options.dirty_bytes_max = 20'000;  // Some rows get to the store, some do not.
    core.options.state_cache_bytes = 50'000;
    bool declares = true;
    core.function = [&](const Asked& asked) -> Outcome {
      if (declares && asked.states == 0) return model::IncompleteContext{{{"old", "t", model::ExpireMode::None, {}}}};
      model::InvocationResponse r;
      if (declares) r.mutations.push_back({model::StateMutation::Kind::Modify, "old", "t", std::string(asked.text() == "big" ? 20'000 : 10, 'x')});
      return r;
    };
    core.start();
    for (int round = 0; round < 10; ++round) {
      for (int i = 0; i < 300; ++i)
        core.runtime().send({{"test/f", "id" + std::to_string(round) + "/" + std::to_string(i)}, value(i % 50 == 0 ? "big" : "x"), "", ""}, [](Result<void> ok) { EXPECT_TRUE(ok); });
      core.run();
      core.advance({20});
    }
    declares = false;
    core.runtime().ask_declarations();
    core.run();
    core.send("other", "x");
    core.advance({300});
    const auto count = [&] {
      std::vector<std::uint64_t> found;
      core.runtime().orphans("test/f", [&](Result<std::vector<runtime::OrphanInfo>> infos) { for (auto& i : *infos) found.push_back(i.values); });
      core.run(); core.advance({100});
      return found;
    };
    EXPECT_EQ(count(), std::vector<std::uint64_t>{3'000}) << shards;
    // Some of them are written anew meanwhile.
    for (int i = 0; i < 100; ++i) core.send("id3/" + std::to_string(i), "x");
    EXPECT_EQ(count(), std::vector<std::uint64_t>{3'000}) << shards;
    core.runtime().drop_orphan("test/f", "old", [](Result<void> ok) { EXPECT_TRUE(ok); });
    for (int i = 0; i < 100; ++i) core.send("id5/" + std::to_string(i), "x");
    core.advance({500});
    EXPECT_EQ(count(), std::vector<std::uint64_t>{}) << shards;
    std::size_t left = 0;
    core.runtime().states({.limit = 10'000}, [&](Result<runtime::Page<runtime::StateInfo>> page) { left = page->size(); });
    core.run();
    EXPECT_EQ(left, 0u) << shards;
  }
}
}}
