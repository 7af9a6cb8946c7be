#include "runtime/topics.h"

#include <gtest/gtest.h>

namespace holdfast::runtime {
namespace {

TEST(Topics, EgressHasABoundedNumberAndThoseThatAreThereStay) {
  Topics topics(3);
  topics.add("shop/out/old");
  EXPECT_TRUE(topics.admit("shop/out/a"));
  EXPECT_TRUE(topics.admit("shop/out/b"));
  EXPECT_FALSE(topics.admit("shop/out/c"));
  for (const char* stream : {"shop/out/old", "shop/out/a", "shop/out/b"}) EXPECT_TRUE(topics.admit(stream)) << stream;
  EXPECT_TRUE(topics.admit("shop/other/c"));
}

TEST(Topics, WhatIsStoredCountsEvenBeyondTheBound) {
  Topics topics(1);
  for (const char* stream : {"shop/out/a", "shop/out/b", "shop/out/a"}) topics.add(stream);
  EXPECT_TRUE(topics.admit("shop/out/b"));
  EXPECT_FALSE(topics.admit("shop/out/c"));
}

}  // namespace
}  // namespace holdfast::runtime
