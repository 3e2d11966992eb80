// A site's own pages for errors: files below its root, sent with the error's status.
//
// A page that is missing, or cannot be read, costs nothing but its beauty: Sluice's short text
// answers then.
#pragma once

#include <map>
#include <string>

#include "server/handler/files/files_handler.h"
#include "server/http/router.h"

namespace sluice::handler {

// Thread: its worker's.
class SiteErrorPages final : public http::ErrorPages {
 public:
  // `pages`: status 400 to 599, or 4 and 5 for a class -> path of a page. Both outlive it.
  SiteErrorPages(FilesHandler& files, const std::map<int, std::string>& pages)
      : files_(files), pages_(pages) {}

  bool respond(http::Exchange& exchange, int status) override {
    auto page = pages_.find(status);
    if (page == pages_.end()) page = pages_.find(status / 100);
    return page != pages_.end() && files_.respond_with_page(exchange, status, page->second);
  }

 private:
  FilesHandler& files_;
  const std::map<int, std::string>& pages_;
};

}  // namespace sluice::handler
