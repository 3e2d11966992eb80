// Accept: pieces lie in the field and in its order, weights are weights, and without quotes a comma
// ends a range, whatever stands around it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "server/handler/files/accept.h"
#include "server/handler/files/navigation.h"
#include "tests/fuzz/feeding.h"

namespace sluice::handler {
namespace {

using fuzz::require;

// What is left of `element` before its first ';', without white space around it.
std::string_view type_of(std::string_view element) {
  element = element.substr(0, element.find(';'));
  const size_t begin = element.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return element.substr(begin, element.find_last_not_of(" \t") - begin + 1);
}

// Takes the next element that is more than white space. False at the end.
bool next_plain(std::string_view& rest, std::string_view& element) {
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(','), rest.size());
    element = rest.substr(0, end);
    rest.remove_prefix(std::min(rest.size(), end + 1));
    if (element.find_first_not_of(" \t") != std::string_view::npos) return true;
  }
  return false;
}

void check(std::string_view field) {
  const bool plain = field.find('"') == std::string_view::npos;
  std::string_view rest = field;
  std::string_view same = field;
  const char* before = field.data();
  bool html = false;
  MediaRange range;
  while (next_media_range(rest, range)) {
    require(range.weight >= 0 && range.weight <= 1000, "weight", field);
    if (!range.type.empty()) {
      require(range.type.data() >= before && range.type.data() < field.data() + field.size(),
              "a range lies elsewhere", field);
      before = range.type.data() + range.type.size();
    }
    html = html || (range.weight > 0 && equals_ignoring_case(range.type, "text/html"));
    std::string_view element;
    if (!plain) continue;
    require(next_plain(same, element) && type_of(element) == range.type, "another range", field);
  }
  std::string_view element;
  require(!plain || !next_plain(same, element), "a range was passed over", field);
  FieldList fields;
  fields.add("Accept", field, FieldId::accept);
  require(is_navigation(fields) == html, "navigation", field);
}

}  // namespace
}  // namespace sluice::handler

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // A copy of exact size, so that a read behind its end is seen.
  const std::string field(reinterpret_cast<const char*>(data), size);
  sluice::handler::check(field);
  return 0;
}
