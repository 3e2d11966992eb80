// What a response says of a file: its fields and validators (RFC 9110 section 8), and how long
// caches may use it. Rendered once, when the file is opened or its tag is found.
#pragma once

#include <string_view>

#include "cache/representation.h"
#include "protocol/open_file.h"
#include "protocol/shared_body.h"
#include "server/handler/files/content_tag.h"
#include "server/handler/files/file_entry.h"
#include "server/handler/files/file_site.h"

namespace sluice::handler {

// `key`: what it is stored under, which begins as the request's path does. `tag`: the content's,
// or empty.
Ref<cache::Representation> represent(const FileSite& site, std::string_view key,
                                     const FileEntry::Facts& facts, std::string_view tag,
                                     Ref<SharedBody> body);
Ref<cache::Representation> represent(const FileSite& site, std::string_view key,
                                     const FileEntry::Facts& facts, std::string_view tag,
                                     Ref<OpenFile> file);

// The same file from the same descriptor, and as fresh, with the tag that was found meanwhile.
// Requires: entry.wants_tag().
Ref<FileEntry> with_tag(const FileSite& site, const FileEntry& entry, const ContentTag& tag);

}  // namespace sluice::handler
