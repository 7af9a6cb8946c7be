#include "app/descriptors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::app {
namespace {

TEST(Descriptors, AllSharesTogetherAreLessThanTheLimitAndNoneIsNothing) {
  for (std::size_t limit = 1; limit < 20'000; limit += 7) {
    for (const std::uint16_t shards : {1, 4, 64}) {
      for (const std::size_t edges : {0, 3, 20}) {
        const auto shares = share_descriptors(limit, shards, edges);
        if (!shares) continue;
        EXPECT_GE(shares->view_files, 20u);
        EXPECT_LE(shares->view_files, 512u);
        EXPECT_GE(std::min({shares->gateway_connections, shares->function_connections}), 8u);
        EXPECT_GE(shares->admin_connections, 4u);
        EXPECT_LT(shares->view_files + shares->gateway_connections + shares->function_connections + shares->admin_connections, limit);
      }
    }
  }
}

TEST(Descriptors, AUsualLimitLeavesHundredsOfConnectionsAndASmallOneStillSome) {
  EXPECT_GE(share_descriptors(1024, 1, 0)->gateway_connections, 300u);
  EXPECT_GE(share_descriptors(256, 1, 0)->gateway_connections, 50u);
}

TEST(Descriptors, TooFewAreRefusedWithTheNumberThatIsNeeded) {
  const auto shares = share_descriptors(100, 2, 1);
  ASSERT_FALSE(shares);
  EXPECT_EQ(shares.error().code, ErrorCode::Invalid);
  EXPECT_THAT(shares.error().message, ::testing::HasSubstr("may have 100 files and sockets open (ulimit -n, LimitNOFILE), but 148 are needed"));
}

TEST(Descriptors, TheLimitIsRaisedAndNeverLowered) {
  const auto raised = raise_descriptor_limit();
  EXPECT_GE(raised, 256u);
  EXPECT_EQ(raise_descriptor_limit(), raised);
}

}  // namespace
}  // namespace holdfast::app
