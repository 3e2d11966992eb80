// What a folder without an index file shows: its entries, in an order, as a page or as JSON.
//
// Only what a request for the name could reach is shown: no dot files, no sockets or pipes, no
// names that no URL path decodes to, no links that lead out. At most `max_entries` names are ever
// read; when there are more, the listing says so. Runs on a helper thread: a folder of ten thousand
// names takes as many system calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/handler/files/listing_request.h"
#include "server/net/descriptor.h"

namespace sluice::handler {

struct ListedEntry {
  std::string name;  // well-formed UTF-8
  bool directory = false;
  uint64_t size = 0;             // of a file
  int64_t modified_seconds = 0;  // since 1970
};

struct Listing {
  std::vector<ListedEntry> entries;
  size_t max_entries = 0;
  bool cut = false;  // there were more than max_entries
  int error = 0;     // errno, when the folder could not be read
};

// How an entry that is a symbolic link is looked up: below `root`, by its path there.
struct ListingPlace {
  int root;
  std::string relative;  // the folder's path below the root; empty for the root itself
  bool follow_symlinks;
};

// Reads the folder. Takes the descriptor over.
Listing read_listing(net::Descriptor directory, const ListingPlace& place, size_t max_entries);

// Folders first; names compare without case where ASCII knows one, and bytewise among equals.
void sort_listing(Listing& listing, const ListingOrder& order);

// `path`: the folder's decoded path with slashes at both ends, "/" for the root.
std::string listing_html(const Listing& listing, std::string_view path, const ListingOrder& order);
std::string listing_json(const Listing& listing, std::string_view path);

// Octets for people: "0 B", "999 B", "1.5 KiB", "12 MiB".
std::string size_text(uint64_t octets);
// UTC: "2026-01-31 23:59" for people, "2026-01-31T23:59:58Z" (RFC 3339) for machines.
enum class TimeForm : uint8_t { people, machine };
std::string time_text(int64_t seconds, TimeForm form);

}  // namespace sluice::handler
