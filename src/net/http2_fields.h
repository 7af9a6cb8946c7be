// Http2Fields: a header block as nghttp2 takes it. For net/ only.
//
// Words from outside may come in here: a name that is none is left out, and what a value must not have becomes a blank. So are the
// fields of one connection (RFC 9113 section 8.2.2), and content-length, which is the transport's.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "net/header_list.h"

namespace holdfast::net {

class Http2Fields {
 public:
  void clear();
  // Borrowed until the block is submitted.
  void add(std::string_view name, std::string_view value);
  // One of ours, whatever its name; the value is copied.
  void add_own(std::string_view name, std::string value);
  void add_all(const HeaderList& headers);

  [[nodiscard]] const nghttp2_nv* data() const { return fields_.data(); }
  [[nodiscard]] std::size_t size() const { return fields_.size(); }

 private:
  void put(std::string_view name, std::string_view value);
  std::vector<nghttp2_nv> fields_;
  std::deque<std::string> copies_;
};

}  // namespace holdfast::net
