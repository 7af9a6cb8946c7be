#include "native/library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace holdfast::native {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string module(const std::string& name) { return std::string(TEST_MODULES) + "/" + name + ".so"; }

std::string refusal(const std::string& path) {
  const auto library = Library::open(path);
  return library ? "it was opened" : library.error().message;
}

TEST(Library, OfAModuleHasItsDescriptor) {
  const auto library = Library::open(module("functions_v1"));
  ASSERT_TRUE(library.has_value()) << library.error().message;
  EXPECT_EQ(abi_version((*library)->descriptor()), std::to_string(HOLDFAST_ABI_MAJOR) + "." + std::to_string(HOLDFAST_ABI_MINOR));
  ASSERT_EQ((*library)->descriptor().function_count, 3u);
  EXPECT_STREQ((*library)->function(2).type, "test/counter");
  EXPECT_STREQ((*library)->descriptor().build, "version 1");
}

TEST(Library, MayBeMadeInPlainC) {
  const auto library = Library::open(module("plain"));
  ASSERT_TRUE(library.has_value()) << library.error().message;
  EXPECT_STREQ((*library)->function(1).type, "plain/blocking");
}

TEST(Library, MayHaveANewerMinorVersionThanTheProgram) {
  const auto library = Library::open(module("newer_minor"));
  ASSERT_TRUE(library.has_value()) << library.error().message;
  EXPECT_EQ((*library)->descriptor().abi_minor, HOLDFAST_ABI_MINOR + 1);
}

TEST(Library, OfAnotherMajorVersionIsRefusedWithBothVersions) {
  EXPECT_EQ(refusal(module("other_abi")),
            module("other_abi") + " is made for version 2.0 of the module ABI, this program has 1.0: build it with an SDK whose major version is 1");
}

TEST(Library, WithoutTheSymbolIsNoModule) {
  EXPECT_EQ(refusal(module("no_symbol")), module("no_symbol") + " is not a module: it does not export the symbol holdfast_module");
}

TEST(Library, ThatIsNotThereIsRefused) {
  EXPECT_EQ(refusal("/nowhere/functions.so"), "there is no file /nowhere/functions.so");
  EXPECT_EQ(refusal("/proc"), "/proc is not a file");
}

TEST(Library, ThatIsNoSharedLibraryIsRefusedUnderItsName) {
  std::string path = ::testing::TempDir() + "holdfast_library_XXXXXX";
  const int file = ::mkstemp(path.data());
  ASSERT_GE(file, 0);
  ASSERT_EQ(::write(file, "hello", 5), 5);
  ::close(file);
  EXPECT_THAT(refusal(path), StartsWith(path + " cannot be loaded: "));
  EXPECT_THAT(refusal(path), Not(HasSubstr("/proc/self/fd")));
  std::filesystem::remove(path);
}

TEST(Library, ThatIsCutOffAnywhereIsRefusedAndNotLoaded) {
  const std::string path = ::testing::TempDir() + "holdfast_cut_off_" + std::to_string(::getpid()) + ".so";
  const auto whole = std::filesystem::file_size(module("functions_v1"));
  int cut_off = 0;
  for (std::uintmax_t size = 0; size < whole; size += whole / 50 + 1) {
    std::filesystem::copy_file(module("functions_v1"), path, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(path, size);
    // What is behind the last part to be loaded, names for debuggers, nobody needs.
    const std::string why = refusal(path);
    if (why == "it was opened") continue;
    EXPECT_THAT(why, StartsWith(path + " "));
    if (why.find("is cut off: it has " + std::to_string(size) + " bytes") != std::string::npos) ++cut_off;
  }
  EXPECT_GT(cut_off, 5);
  std::filesystem::remove(path);
}

TEST(Library, OfAFileThatWasOverwrittenIsTheNewOne) {
  std::string folder = ::testing::TempDir() + "holdfast_library_XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/functions.so";
  const auto copy = [&](const char* name) {
    std::filesystem::copy_file(module(name), path, std::filesystem::copy_options::overwrite_existing);
  };
  copy("functions_v1");
  const auto before = Library::open(path);
  ASSERT_TRUE(before.has_value()) << before.error().message;
  copy("functions_v2");
  const auto after = Library::open(path);
  ASSERT_TRUE(after.has_value()) << after.error().message;
  EXPECT_STREQ((*before)->descriptor().build, "version 1");
  EXPECT_STREQ((*after)->descriptor().build, "version 2");
  std::filesystem::remove_all(folder);
}

// --- Descriptors that a module could be wrong with.

class LinkedDescriptor : public ::testing::Test {
 protected:
  std::string refused() {
    const auto library = Library::linked(&descriptor_, "shop");
    return library ? "it was taken" : library.error().message;
  }
  std::vector<holdfast_function> functions_{{"shop/cart", HOLDFAST_QUICK, 0}, {"shop/stock", HOLDFAST_BLOCKING, 0}};
  holdfast_module_descriptor descriptor_{sizeof(holdfast_module_descriptor), HOLDFAST_ABI_MAJOR, 0, "", "", functions_.data(), functions_.size(),
                                         sizeof(holdfast_function), [](const holdfast_host*, char*, std::size_t) -> void* { return nullptr; },
                                         [](void*, const holdfast_request*) {}, nullptr, nullptr, nullptr};
};

TEST_F(LinkedDescriptor, IsTakenIfNothingIsWrong) { EXPECT_EQ(refused(), "it was taken"); }

TEST_F(LinkedDescriptor, IsRefusedWithoutWhatItNeeds) {
  EXPECT_THAT(Library::linked(nullptr, "shop").error().message, HasSubstr("shop gives no descriptor"));
  auto whole = descriptor_;
  descriptor_.struct_size = 8;
  EXPECT_THAT(refused(), HasSubstr("shop has a descriptor of 8 bytes, expected at least "));
  descriptor_ = whole;
  descriptor_.create = nullptr;
  EXPECT_EQ(refused(), "shop has no create or no invoke in its descriptor");
  descriptor_ = whole;
  descriptor_.function_count = 0;
  EXPECT_EQ(refused(), "shop has no functions");
  descriptor_ = whole;
  descriptor_.function_size = 3;
  EXPECT_THAT(refused(), HasSubstr("shop has function entries of 3 bytes"));
}

TEST_F(LinkedDescriptor, IsRefusedForFunctionsThatCannotBe) {
  functions_[1].type = "shop/cart";
  EXPECT_EQ(refused(), "shop has function shop/cart twice");
  for (const char* wrong : {"", "cart", "shop/", "/cart", "shop/*"}) {
    functions_[1].type = wrong;
    EXPECT_EQ(refused(), "shop names a function \"" + std::string(wrong) + "\", expected namespace/name");
  }
  functions_[1].type = nullptr;
  EXPECT_EQ(refused(), "shop names a function \"\", expected namespace/name");
  functions_[1] = {"shop/stock", 7, 0};
  EXPECT_EQ(refused(), "shop has function shop/stock with the unknown execution 7");
}

TEST_F(LinkedDescriptor, ThatHasNoFunctionsForAReasonIsRefusedWithTheReason) {
  descriptor_.function_count = 0;
  descriptor_.failure = "the price list cannot be read";
  EXPECT_EQ(refused(), "shop cannot make its functions: the price list cannot be read");
}

TEST_F(LinkedDescriptor, MayHaveLargerFunctionEntries) {
  struct Larger {
    holdfast_function known;
    std::uint64_t more;
  };
  const Larger larger[2] = {{{"shop/a", HOLDFAST_QUICK, 0}, 0}, {{"shop/b", HOLDFAST_BLOCKING, 0}, 0}};
  descriptor_.functions = &larger[0].known;
  descriptor_.function_size = sizeof(Larger);
  const auto library = Library::linked(&descriptor_, "shop");
  ASSERT_TRUE(library.has_value()) << library.error().message;
  EXPECT_STREQ((*library)->function(1).type, "shop/b");
}

}  // namespace
}  // namespace holdfast::native
