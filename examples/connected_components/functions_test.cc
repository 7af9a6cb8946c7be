#include "functions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "holdfast/sdk/testing.h"

namespace sf = holdfast::sdk;
using namespace graph;

namespace {

sf::Address vertex(int number) { return {"graph/vertex", std::to_string(number)}; }

struct VertexFive : testing::Test {
  sf::TestContext test{make_functions(), vertex(5)};
  [[nodiscard]] std::int64_t component() const { return test.storage().get(kState).value().component; }
};

TEST_F(VertexFive, BeginsAsAComponentOfItsOwn) {
  test.call(kEdges, Edges{});
  EXPECT_EQ(component(), 5);
  ASSERT_EQ(test.egress().size(), 1U);
  EXPECT_EQ(test.egress()[0].kafka().value, R"({"component":5,"vertex":5})");
  EXPECT_TRUE(test.sent().empty());
}

TEST_F(VertexFive, PresentsItselfToEachNeighbourOnce) {
  test.call(kEdges, Edges{{7, 9, 7, 5}});
  EXPECT_THAT(test, sf::sent(vertex(7), kNeighbour, 5));
  EXPECT_THAT(test, sf::sent(vertex(9), kNeighbour, 5));
  EXPECT_EQ(test.sent().size(), 2U);
  test.call(kEdges, Edges{{9}});
  EXPECT_THAT(test, sf::sent_nothing());
}

TEST_F(VertexFive, PassesASmallerOneOnButNotBack) {
  test.call(kEdges, Edges{{7, 9}});
  test.caller(vertex(7)).call(kSmaller, 2);
  EXPECT_EQ(component(), 2);
  EXPECT_THAT(test, sf::sent(vertex(9), kSmaller, 2));
  EXPECT_EQ(test.sent().size(), 1U);
  test.caller(vertex(9)).call(kSmaller, 4);
  EXPECT_THAT(test, sf::sent_nothing());
  EXPECT_EQ(component(), 2);
}

TEST_F(VertexFive, TellsANewNeighbourWhatItHasNotHeard) {
  test.caller(vertex(9)).call(kNeighbour, 9);
  EXPECT_THAT(test, sf::sent(vertex(9), kSmaller, 5));
  test.caller(vertex(7)).call(kNeighbour, 1);
  EXPECT_EQ(component(), 1);
  EXPECT_THAT(test, sf::sent(vertex(9), kSmaller, 1));
  EXPECT_EQ(test.sent().size(), 1U);
}

TEST_F(VertexFive, SaysWhichComponentItIsIn) {
  test.caller({"example/asker", "a"}).call(kWhich, "");
  EXPECT_THAT(test, sf::replied(std::int64_t{5}));
  test.storage()[kState] = Vertex{.component = 2, .neighbours = {}};
  test.call(kWhich, "");
  EXPECT_THAT(test, sf::replied(std::int64_t{2}));
  EXPECT_THAT(test, sf::changed_no_state());
}

TEST(Vertex, IsANumber) {
  sf::TestContext test(make_functions(), {"graph/vertex", "five"});
  EXPECT_THROW(test.call(kEdges, Edges{}), sf::InvalidArgument);
}

}  // namespace
