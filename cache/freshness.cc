// Cache-Control, Expires, and telling a content hash from a name.
#include "cache/freshness.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "protocol/fields.h"

namespace sluice::cache {

namespace {

constexpr uint64_t kYear = 31'536'000;

class Writer {
 public:
  explicit Writer(std::span<char, kCacheControlSize> room) noexcept
      : begin_(room.data()), at_(begin_), end_(begin_ + room.size()) {}

  Writer& directive(std::string_view text) noexcept {
    if (at_ != begin_) put(", ");
    return put(text);
  }
  Writer& number(uint64_t value) noexcept {
    at_ = std::to_chars(at_, end_, value).ptr;
    return *this;
  }
  std::string_view text() const noexcept { return {begin_, static_cast<size_t>(at_ - begin_)}; }

 private:
  Writer& put(std::string_view text) noexcept {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    return *this;
  }
  char* begin_;
  char* at_;
  char* end_;
};

uint64_t lifetime(const Freshness& freshness) noexcept {
  return std::min(freshness.max_age, kLongestLifetime);
}

}  // namespace

std::string_view write_cache_control(const Freshness& freshness,
                                     std::span<char, kCacheControlSize> room) noexcept {
  // The longest is "private, max-age=2147483647, immutable".
  Writer out(room);
  if (freshness.storing == Freshness::Storing::no_store) return out.directive("no-store").text();
  if (freshness.private_response) out.directive("private");
  if (freshness.storing == Freshness::Storing::no_cache) out.directive("no-cache");
  if (freshness.storing == Freshness::Storing::max_age) {
    out.directive("max-age=").number(lifetime(freshness));
    if (freshness.immutable) out.directive("immutable");
  }
  return out.text();
}

std::string_view fixed_expires(const Freshness& freshness) noexcept {
  const bool unusable = freshness.storing == Freshness::Storing::no_store ||
                        freshness.storing == Freshness::Storing::no_cache;
  return unusable ? kExpired : std::string_view();
}

std::optional<int64_t> expires_after(const Freshness& freshness) noexcept {
  if (freshness.storing != Freshness::Storing::max_age || freshness.private_response) return {};
  return static_cast<int64_t>(lifetime(freshness));
}

Freshness built_in_freshness(std::string_view path, std::string_view media_type) noexcept {
  const std::string_view type = media_type.substr(0, media_type.find_first_of("; \t"));
  if (equals_ignoring_case(type, "text/html") ||
      equals_ignoring_case(type, "application/xhtml+xml")) {
    return {.storing = Freshness::Storing::no_cache};
  }
  if (!names_content(path)) return {};
  return {.storing = Freshness::Storing::max_age, .max_age = kYear, .immutable = true};
}

// --- Content hashes in names -------------------------------------------------------------------

namespace {

constexpr std::string_view kDelimiters = ".-_";

bool is_digit(char octet) noexcept { return octet >= '0' && octet <= '9'; }
bool is_lower(char octet) noexcept { return octet >= 'a' && octet <= 'z'; }
bool is_upper(char octet) noexcept { return octet >= 'A' && octet <= 'Z'; }
bool is_delimiter(char octet) noexcept { return kDelimiters.find(octet) != kDelimiters.npos; }
bool is_hex(char octet) noexcept { return is_digit(octet) || (octet >= 'a' && octet <= 'f'); }
bool is_hex_of_any_case(char octet) noexcept {
  return is_hex(octet) || (octet >= 'A' && octet <= 'F');
}

// Scripts and styles are named by bundlers, pictures by people too.
constexpr std::array<std::string_view, 5> kCode{"js", "mjs", "css", "map", "wasm"};
constexpr std::array<std::string_view, 16> kAssets{"woff2", "woff", "ttf",  "otf", "eot",  "svg",
                                                   "png",   "jpg",  "jpeg", "gif", "webp", "avif",
                                                   "ico",   "json", "mp4",  "webm"};

template <size_t kSize>
bool is_one_of(const std::array<std::string_view, kSize>& list, std::string_view text) noexcept {
  return std::ranges::find(list, text) != list.end();
}

// A file name in parts: "main.073c9b0a.chunk.css" is the stem "main.073c9b0a" of a script or style.
struct Name {
  std::string_view stem;
  bool is_code = false;
  bool is_asset = false;
};

// Takes the last part, after a dot, off `stem`. Empty when there is none, or nothing before it.
std::string_view take_suffix(std::string_view& stem) noexcept {
  const size_t dot = stem.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return {};
  const std::string_view suffix = stem.substr(dot + 1);
  stem.remove_suffix(suffix.size() + 1);
  return suffix;
}

Name split(std::string_view path) noexcept {
  Name name{.stem = path.substr(path.rfind('/') + 1)};
  const std::string_view extension = take_suffix(name.stem);
  name.is_code = is_one_of(kCode, extension);
  name.is_asset = is_one_of(kAssets, extension);
  // Parts that tools put behind the hash.
  static constexpr std::array<std::string_view, 6> kMarks{"js",  "mjs",   "css",
                                                          "min", "chunk", "bundle"};
  for (std::string_view rest = name.stem; is_one_of(kMarks, take_suffix(rest));) name.stem = rest;
  return name;
}

// "550e8400-e29b-41d4-a716-446655440000" starts at `text`: an identifier, whose content may change.
bool starts_with_uuid(std::string_view text) noexcept {
  static constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  if (text.size() < kForm.size()) return false;
  for (size_t i = 0; i < kForm.size(); ++i) {
    if (kForm[i] == 'x' ? !is_hex_of_any_case(text[i]) : text[i] != '-') return false;
  }
  return true;
}

bool holds_uuid(std::string_view stem) noexcept {
  while (!stem.empty()) {
    if (starts_with_uuid(stem)) return true;
    stem.remove_prefix(1);
  }
  return false;
}

// Eight or more hex digits in which letters and digits alternate at least twice: "20231123a",
// "a0000012" and "deadbeef" do not. 24 of them are a MongoDB identifier.
bool is_hex_hash(std::string_view run) noexcept {
  if (run.size() < 8 || run.size() == 24 || !std::ranges::all_of(run, is_hex)) return false;
  size_t changes = 0;
  for (size_t i = 1; i < run.size(); ++i) changes += is_digit(run[i]) != is_digit(run[i - 1]);
  return changes >= 2;
}

// Whether any part of the stem but the first is one.
bool holds_hex_hash(std::string_view stem) noexcept {
  for (size_t at = stem.find_first_of(kDelimiters, 1); at != stem.npos;) {
    const size_t end = stem.find_first_of(kDelimiters, at + 1);
    if (is_hex_hash(stem.substr(at + 1, end == stem.npos ? end : end - at - 1))) return true;
    at = end;
  }
  return false;
}

// What a text of letters and digits is made of.
struct Makeup {
  size_t changes = 0;  // between upper case, lower case and digits
  size_t breaks = 0;   // those that no word has: all but from a capital to a small letter
  size_t words = 0;    // octets of runs such as "Pad" and "phone"
  bool all_classes = true;
};

// The octets of words of three letters or more: small letters, the first may be a capital.
size_t word_octets(std::string_view text) noexcept {
  size_t octets = 0;
  for (size_t at = 0; at < text.size();) {
    size_t end = at + (is_upper(text[at]) ? 1 : 0);
    while (end < text.size() && is_lower(text[end])) ++end;
    if (end - at >= 3) octets += end - at;
    at = std::max(end, at + 1);
  }
  return octets;
}

Makeup makeup_of(std::string_view text) noexcept {
  Makeup found{.words = word_octets(text)};
  for (size_t i = 1; i < text.size(); ++i) {
    const char left = text[i - 1];
    const char right = text[i];
    if (is_delimiter(left) || is_delimiter(right)) continue;
    const bool differ = is_digit(left) != is_digit(right) || is_lower(left) != is_lower(right);
    found.changes += differ;
    found.breaks += differ && !(is_upper(left) && is_lower(right));
  }
  found.all_classes = std::ranges::any_of(text, is_digit) && std::ranges::any_of(text, is_upper) &&
                      std::ranges::any_of(text, is_lower);
  return found;
}

// base64url and its like. "iPadAir5" changes five times, but is three quarters words; "4K60FPS2" is
// told from a hash by who names what: people name pictures.
bool is_random(std::string_view run, bool is_code) noexcept {
  const Makeup makeup = makeup_of(run);
  return makeup.changes >= run.size() / 2 && makeup.breaks >= run.size() * 3 / 8 &&
         makeup.words < run.size() / 2 && (is_code || makeup.all_classes);
}

bool is_alphanumeric(char octet) noexcept {
  return is_digit(octet) || is_lower(octet) || is_upper(octet);
}

// The stem's last 8 octets (Vite's may have '-' and '_' in them); of scripts and styles also a last
// part of 9 to 12.
bool ends_in_random_hash(std::string_view stem, bool is_code) noexcept {
  const size_t longest = is_code ? 12 : 8;
  for (size_t size = 8; size <= longest && size + 2 <= stem.size(); ++size) {
    if (!is_delimiter(stem[stem.size() - size - 1])) continue;
    const std::string_view run = stem.substr(stem.size() - size);
    const bool well_formed = std::ranges::all_of(run, [size](char octet) {
      return is_alphanumeric(octet) || (size == 8 && (octet == '-' || octet == '_'));
    });
    if (well_formed && is_random(run, is_code)) return true;
  }
  return false;
}

}  // namespace

bool names_content(std::string_view path) noexcept {
  const Name name = split(path);
  if (!name.is_code && !name.is_asset) return false;
  if (holds_uuid(name.stem)) return false;
  return holds_hex_hash(name.stem) || ends_in_random_hash(name.stem, name.is_code);
}

}  // namespace sluice::cache
