#include "cli/new_function.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace holdfast::cli {
namespace {

namespace fs = std::filesystem;

constexpr TemplateFile kFiles[] = {{"a.txt", "@TYPE@ is @NAME@ of @NAMESPACE@, mail me@NAMES"}, {"sub/b.txt", "b"}};

struct NewFunction : testing::Test {
  NewFunction() {
    std::string pattern = (fs::temp_directory_path() / "holdfast-new-XXXXXX").string();
    root = ::mkdtemp(pattern.data());
  }
  ~NewFunction() override { fs::remove_all(root); }
  NewFunction(const NewFunction&) = delete;
  NewFunction& operator=(const NewFunction&) = delete;

  static std::string content(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  fs::path root;
};

TEST(NewFunctionName, IsANameOrANamespaceAndAName) {
  EXPECT_EQ(parse_function_name("cart")->name_space, "example");
  EXPECT_EQ(parse_function_name("cart")->name, "cart");
  EXPECT_EQ(parse_function_name("my-shop/cart_2")->name_space, "my-shop");
  EXPECT_EQ(parse_function_name("my-shop/cart_2")->name, "cart_2");
}

TEST(NewFunctionName, IsRefusedIfItWouldNotWorkEverywhere) {
  for (const std::string bad : {"", "/", "shop/", "/cart", "a/b/c", "Cart", "2cart", "-cart", "ca rt", "../cart", "c\xc3\xa4rt", "c@rt", ".", "holdfast/cart"}) {
    EXPECT_FALSE(parse_function_name(bad)) << bad;
  }
  EXPECT_TRUE(parse_function_name(std::string(64, 'a')));
  EXPECT_FALSE(parse_function_name(std::string(65, 'a')));
  EXPECT_THAT(parse_function_name("Cart").error().message, testing::HasSubstr("got \"Cart\""));
}

TEST_F(NewFunction, IsWrittenWithItsNameFilledIn) {
  const auto written = write_project(kFiles, {"shop", "cart"}, (root / "deep" / "cart").string());
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(written->size(), 2U);
  EXPECT_EQ(content(root / "deep/cart/a.txt"), "shop/cart is cart of shop, mail me@NAMES");
  EXPECT_EQ(content(root / "deep/cart/sub/b.txt"), "b");
}

TEST_F(NewFunction, OverwritesNothingAndThenWritesNothing) {
  fs::create_directories(root / "sub");
  std::ofstream(root / "sub" / "b.txt") << "mine";
  const auto written = write_project(kFiles, {"shop", "cart"}, root.string());
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, testing::HasSubstr("b.txt is there already"));
  EXPECT_EQ(content(root / "sub/b.txt"), "mine");
  EXPECT_FALSE(fs::exists(root / "a.txt"));
}

TEST_F(NewFunction, DoesNotFollowALinkThatLeadsNowhere) {
  fs::create_symlink(root / "elsewhere", root / "a.txt");
  EXPECT_FALSE(write_project(kFiles, {"shop", "cart"}, root.string()));
  EXPECT_FALSE(fs::exists(root / "elsewhere"));
}

TEST_F(NewFunction, SaysWhyADirectoryCannotBeMade) {
  std::ofstream(root / "cart") << "a file";
  const auto written = write_project(kFiles, {"shop", "cart"}, (root / "cart").string());
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, testing::HasSubstr("cannot create"));
}

TEST(NewFunctionTemplates, NameTheFunctionAndLeaveNothingToFillIn) {
  for (const auto files : {cpp_template(), javascript_template(), python_template()}) {
    std::string all;
    for (const auto& file : files) all += fill_in(file.text, {"shop", "cart"});
    EXPECT_THAT(all, testing::HasSubstr("shop/cart"));
    for (const std::string left : {"@NAME@", "@TYPE@", "@NAMESPACE@"}) EXPECT_THAT(all, testing::Not(testing::HasSubstr(left)));
  }
}

}  // namespace
}  // namespace holdfast::cli
