// Runs every file of CORPUS_DIR (if it exists) through the fuzz target, each as one test case, and the empty input first.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

TEST(CorpusReplay, EmptyInputIsSurvived) { run({}); }

TEST(CorpusReplay, EveryStoredInputIsSurvived) {
  std::size_t count = 0;
  ASSERT_TRUE(std::filesystem::is_directory(CORPUS_DIR)) << CORPUS_DIR << " is missing";
  for (const auto& entry : std::filesystem::directory_iterator(CORPUS_DIR)) {
    std::ifstream file(entry.path(), std::ios::binary);
    run({std::istreambuf_iterator<char>(file), {}});
    ++count;
  }
  EXPECT_GT(count, 0u) << "no inputs in " << CORPUS_DIR;
}

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
