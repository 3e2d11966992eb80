// Reading, ordering, and the JSON form of a listing.
#include "server/handler/files/listing.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "protocol/target.h"
#include "server/handler/files/opening.h"
#include "server/handler/files/request_path.h"

namespace sluice::handler {

namespace {

using Folder = std::unique_ptr<DIR, int (*)(DIR*)>;

// Whether a request can name it: decode_path must give back what the URL was made of.
bool can_be_asked_for(std::string_view name) {
  if (name.front() == '.') return false;
  std::string encoded;
  append_encoded(encoded, name);
  std::string decoded(encoded.size(), '\0');
  size_t length = 0;
  return decode_path(encoded, decoded, length) && decoded.substr(0, length) == name;
}

// The state of what a request for the name would open; links are followed under the same rules as
// then.
std::optional<struct stat> look_at(DIR* folder, const std::string& name,
                                   const ListingPlace& place) {
  struct stat status {};
  if (::fstatat(::dirfd(folder), name.c_str(), &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) !=
      0) {
    return std::nullopt;
  }
  if (!S_ISLNK(status.st_mode)) return status;
  const std::string path = place.relative.empty() ? name : place.relative + "/" + name;
  const net::Descriptor target(open_below(place.root, path, O_PATH, place.follow_symlinks));
  if (target.get() < 0 || ::fstat(target.get(), &status) != 0) return std::nullopt;
  return status;
}

std::optional<ListedEntry> entry_of(DIR* folder, const char* name, const ListingPlace& place) {
  if (!can_be_asked_for(name)) return std::nullopt;
  ListedEntry entry{.name = name};
  const std::optional<struct stat> status = look_at(folder, entry.name, place);
  if (!status || (!S_ISREG(status->st_mode) && !S_ISDIR(status->st_mode))) return std::nullopt;
  entry.directory = S_ISDIR(status->st_mode);
  entry.size = entry.directory ? 0 : static_cast<uint64_t>(status->st_size);
  entry.modified_seconds = status->st_mtim.tv_sec;
  return entry;
}

bool is_self_or_parent(std::string_view name) noexcept { return name == "." || name == ".."; }

char lower(char octet) noexcept {
  return octet >= 'A' && octet <= 'Z' ? static_cast<char>(octet - 'A' + 'a') : octet;
}

// Below zero, zero or above, like strcmp.
int compare_names(std::string_view left, std::string_view right) noexcept {
  const size_t common = std::min(left.size(), right.size());
  for (size_t i = 0; i < common; ++i) {
    const auto a = static_cast<unsigned char>(lower(left[i]));
    const auto b = static_cast<unsigned char>(lower(right[i]));
    if (a != b) return a < b ? -1 : 1;
  }
  if (left.size() != right.size()) return left.size() < right.size() ? -1 : 1;
  return left.compare(right);
}

template <typename T>
int compare(T left, T right) noexcept {
  return left < right ? -1 : (right < left ? 1 : 0);
}

int compare_entries(const ListedEntry& left, const ListedEntry& right, ListingSort sort) noexcept {
  int result = 0;
  if (sort == ListingSort::size) result = compare(left.size, right.size);
  if (sort == ListingSort::time) result = compare(left.modified_seconds, right.modified_seconds);
  return result != 0 ? result : compare_names(left.name, right.name);
}

}  // namespace

Listing read_listing(net::Descriptor directory, const ListingPlace& place, size_t max_entries) {
  Listing listing{.entries = {}, .max_entries = max_entries};
  const Folder folder(::fdopendir(directory.get()), &::closedir);
  if (!folder) {
    listing.error = errno;
    return listing;
  }
  (void)directory.release();  // closedir closes it
  size_t read = 0;
  errno = 0;
  while (const dirent* found = ::readdir(folder.get())) {
    if (is_self_or_parent(found->d_name)) continue;
    if (read++ == max_entries) {
      listing.cut = true;
      return listing;
    }
    if (auto entry = entry_of(folder.get(), found->d_name, place)) {
      listing.entries.push_back(std::move(*entry));
    }
    errno = 0;  // of the next readdir, which tells an error from the end by it alone
  }
  listing.error = errno;
  return listing;
}

void sort_listing(Listing& listing, const ListingOrder& order) {
  std::sort(listing.entries.begin(), listing.entries.end(),
            [&](const ListedEntry& left, const ListedEntry& right) {
              if (left.directory != right.directory) return left.directory;
              const int result = compare_entries(left, right, order.sort);
              return order.descending ? result > 0 : result < 0;
            });
}

std::string listing_json(const Listing& listing, std::string_view path) {
  using Json = nlohmann::ordered_json;
  Json entries = Json::array();
  for (const ListedEntry& entry : listing.entries) {
    Json item{{"name", entry.name}, {"type", entry.directory ? "directory" : "file"}};
    if (!entry.directory) item["size"] = entry.size;
    item["modified"] = time_text(entry.modified_seconds, TimeForm::machine);
    entries.push_back(std::move(item));
  }
  const Json document{{"path", path}, {"entries", std::move(entries)}, {"truncated", listing.cut}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string size_text(uint64_t octets) {
  static constexpr std::array<const char*, 7> kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(octets);
  size_t unit = 0;
  for (; value >= 1023.5 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  std::array<char, 32> text;
  const int digits = unit == 0 || value >= 9.95 ? 0 : 1;
  const int size = std::snprintf(text.data(), text.size(), "%.*f %s", digits, value, kUnits[unit]);
  return {text.data(), static_cast<size_t>(size)};
}

std::string time_text(int64_t seconds, TimeForm form) {
  using namespace std::chrono;
  // The calendar's year holds 16 bits: what lies beyond four digits is clamped, as HTTP's date is.
  const int64_t clamped = std::clamp<int64_t>(seconds, -62'167'219'200, 253'402'300'799);
  const sys_seconds time{std::chrono::seconds(clamped)};
  const sys_days day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  std::array<char, 32> text;
  const int size = std::snprintf(
      text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()));
  if (form == TimeForm::machine) return {text.data(), static_cast<size_t>(size)};
  text[10] = ' ';
  return {text.data(), 16};
}

}  // namespace sluice::handler
