// The two fields.
#include "server/handler/files/navigation.h"

#include <string_view>

#include "server/handler/files/accept.h"

namespace sluice::handler {

namespace {

bool names_html(const FieldList& fields) noexcept {
  for (const Field& field : fields) {
    if (field.id != FieldId::accept) continue;
    std::string_view rest = field.value;
    MediaRange range;
    while (next_media_range(rest, range)) {
      if (range.weight > 0 && equals_ignoring_case(range.type, "text/html")) return true;
    }
  }
  return false;
}

}  // namespace

bool is_navigation(const FieldList& fields) noexcept {
  const Field* mode = fields.find("Sec-Fetch-Mode");
  return mode != nullptr ? mode->value == "navigate" : names_html(fields);
}

}  // namespace sluice::handler
