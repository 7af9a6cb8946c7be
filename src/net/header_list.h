// HeaderList: the header fields of a message, in order, duplicates kept. Names compare without case.
//
// All bytes lie in one string and the fields are offsets into it: a message costs two allocations whatever its number of headers.
// Views returned are valid until the list is changed or moved.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::net {

// ASCII only, as header names are.
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b);
// Whether a comma-separated list, as of `connection` or `upgrade`, has that member.
[[nodiscard]] bool has_token(std::string_view list, std::string_view token);

class HeaderList {
 public:
  using Field = std::pair<std::string_view, std::string_view>;

  HeaderList() = default;
  HeaderList(std::initializer_list<Field> fields) {
    for (const Field& f : fields) add(f.first, f.second);
  }

  void add(std::string_view name, std::string_view value);
  // Replaces every field of that name.
  void set(std::string_view name, std::string_view value);
  void remove(std::string_view name);
  void clear();

  // The first one.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  [[nodiscard]] std::string_view get(std::string_view name, std::string_view otherwise = {}) const {
    return find(name).value_or(otherwise);
  }
  [[nodiscard]] bool contains(std::string_view name) const { return find(name).has_value(); }
  [[nodiscard]] std::size_t count(std::string_view name) const;

  [[nodiscard]] std::size_t size() const { return spans_.size(); }
  [[nodiscard]] bool empty() const { return spans_.empty(); }
  [[nodiscard]] Field operator[](std::size_t i) const {
    const Span& s = spans_[i];
    const std::string_view all = bytes_;
    return {all.substr(s.name_at, s.name_size), all.substr(s.value_at, s.value_size)};
  }

  class Iterator {
   public:
    Iterator(const HeaderList* list, std::size_t at) : list_(list), at_(at) {}
    Field operator*() const { return (*list_)[at_]; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return at_ != other.at_; }

   private:
    const HeaderList* list_;
    std::size_t at_;
  };
  [[nodiscard]] Iterator begin() const { return {this, 0}; }
  [[nodiscard]] Iterator end() const { return {this, spans_.size()}; }

 private:
  friend class HeadParser;
  struct Span {
    std::uint32_t name_at, name_size, value_at, value_size;
  };
  std::string bytes_;
  std::vector<Span> spans_;
};

}  // namespace holdfast::net
