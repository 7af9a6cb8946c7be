#include "config/text_file.h"

#include <fstream>

#include "config/load.h"

namespace holdfast::config {

std::optional<std::string> read_text(const std::string& path) {
  // Not asked for its size: it may be a pipe.
  std::ifstream in(path, std::ios::binary);
  std::string text(kFileBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.is_open() || in.bad()) return std::nullopt;
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

}  // namespace holdfast::config
