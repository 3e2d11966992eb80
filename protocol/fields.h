// Field lines of a message (RFC 9110 section 5), in the order received, for every HTTP version.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice {

// Fields that some code asks for by name; looked up once, when the line is parsed.
enum class FieldId : uint8_t {
  other,
  accept,
  accept_encoding,
  allow,
  authorization,
  cache_control,
  connection,
  content_length,
  content_type,
  cookie,
  date,
  expect,
  host,
  if_match,
  if_modified_since,
  if_none_match,
  if_range,
  if_unmodified_since,
  keep_alive,
  last_modified,
  location,
  priority,
  range,
  referer,
  te,
  trailer,
  transfer_encoding,
  upgrade,
  user_agent,
};

// Case-insensitive (RFC 9110 section 5.1). FieldId::other for a name that is not in the list.
FieldId field_id(std::string_view name) noexcept;

// ASCII letters compare without case; RFC 9110 section 5.6.2's tokens and most keywords are such.
// `size` octets of each.
bool same_ignoring_case(const char* left, const char* right, size_t size) noexcept;
inline bool equals_ignoring_case(std::string_view left, std::string_view right) noexcept {
  return left.size() == right.size() && same_ignoring_case(left.data(), right.data(), left.size());
}

// Name and value point into memory that the message's head keeps alive.
struct Field {
  std::string_view name;
  std::string_view value;  // without surrounding white space
  FieldId id = FieldId::other;
  // A codec has seen that the name is a token and that the value holds field octets only: a writer
  // need not look again. Whoever changes either makes another Field.
  bool checked = false;
};

// True for fields that hold for one connection only (RFC 9110 section 7.6.1); writers never send
// them from a field list.
inline bool is_hop_by_hop(const Field& field) noexcept {
  switch (field.id) {
    case FieldId::connection:
    case FieldId::keep_alive:
    case FieldId::te:
    case FieldId::trailer:
    case FieldId::transfer_encoding:
    case FieldId::upgrade:
      return true;
    case FieldId::other:
      // Not registered, but sent by old clients and meant for the next hop only.
      return equals_ignoring_case(field.name, "proxy-connection");
    default:
      return false;
  }
}

// True for fields that would change how a message is framed or routed after the fact (RFC 9110
// section 6.5.1).
bool is_forbidden_in_trailers(FieldId id) noexcept;

class FieldList {
 public:
  void add(std::string_view name, std::string_view value) { add(name, value, field_id(name)); }
  void add(std::string_view name, std::string_view value, FieldId id) {
    fields_.push_back({name, value, id});
  }
  void add(const Field& field) { fields_.push_back(field); }
  void clear() noexcept { fields_.clear(); }
  size_t size() const noexcept { return fields_.size(); }
  bool empty() const noexcept { return fields_.empty(); }
  auto begin() const noexcept { return fields_.begin(); }
  auto end() const noexcept { return fields_.end(); }
  const Field& operator[](size_t index) const noexcept { return fields_[index]; }

  // The first field with this id, else null.
  const Field* find(FieldId id) const noexcept;
  const Field* find(std::string_view name) const noexcept;
  // Its value, or an empty view.
  std::string_view value(FieldId id) const noexcept;
  size_t count(FieldId id) const noexcept;

 private:
  std::vector<Field> fields_;
};

// Steps through a comma-separated list (RFC 9110 section 5.6.1), skipping empty elements and white
// space. Does not know quoted strings: for lists of tokens only. Returns false at the end.
bool next_list_element(std::string_view& rest, std::string_view& element) noexcept;

}  // namespace sluice
