// The keys of a folder that is served, in a site or in a route's `files`.
#include "conf/reading/parts.h"
#include "conf/reading/route.h"

namespace sluice::conf {

namespace {

void check_root(const Node& node, const std::string& root, const SiteScope& site) {
  const std::string where = root == node.text ? std::string() : "looked at " + root;
  switch (site.context.files.kind(root)) {
    case FileSource::Kind::folder:
      return;
    case FileSource::Kind::missing:
      return site.context.report.warning(Code::missing_root, node.place,
                                         "the folder '" + node.text + "' does not exist", {where});
    case FileSource::Kind::unreadable:
      return site.context.report.warning(Code::unreadable_root, node.place,
                                         "the folder '" + node.text + "' cannot be read",
                                         {where, "the user that runs Sluice needs r and x on it"});
    case FileSource::Kind::file:
    case FileSource::Kind::other:
      return site.context.report.warning(Code::root_is_no_folder, node.place,
                                         "'" + node.text + "' is no folder", {where});
  }
}

void read_root(const Node& node, const SiteScope& site, FilesAction& files) {
  if (node.text.empty()) {
    return site.context.report.error(Code::empty_value, node.place, "'root' is empty",
                                     {"for the folder of this file write root = \".\""});
  }
  files.root =
      site.context.files.absolute(node.text.starts_with('/') ? node.text : site.folder + node.text);
  while (files.root.size() > 1 && files.root.ends_with('/')) files.root.pop_back();
  check_root(node, files.root, site);
}

void read_index(const Node& node, const SiteScope& site, FilesAction& files) {
  files.index.clear();
  for (const Node* name : strings_of(node)) {
    const bool plain = !name->text.empty() && name->text.find('/') == std::string::npos &&
                       name->text != "." && name->text != "..";
    if (plain) {
      files.index.push_back(name->text);
    } else {
      site.context.report.error(Code::bad_index, name->place,
                                "'" + name->text + "' is no name of a file in the folder",
                                {"expected a name without '/', for example \"index.html\""});
    }
  }
}

void check_clean_urls(const Node& table, const SiteScope& site, const FilesAction& files) {
  const Node* index = table.find("index");
  if (!files.clean_urls || index == nullptr || files.index.empty()) return;
  for (const std::string& name : files.index) {
    if (name.ends_with(".html")) return;
  }
  site.context.report.warning(
      Code::clean_urls_without_html, index->place,
      "with clean_urls \"/about\" is about.html, but no index file ends in .html",
      {"folders would be answered otherwise than the pages beside them"});
}

}  // namespace

void read_files_keys(const Node& table, const SiteScope& site, FilesAction& files) {
  if (const Node* root = table.find("root")) read_root(*root, site, files);
  if (const Node* index = table.find("index")) read_index(*index, site, files);
  files.listing = flag_or(table, "listing", files.listing);
  files.follow_symlinks = flag_or(table, "follow_symlinks", files.follow_symlinks);
  files.clean_urls = flag_or(table, "clean_urls", files.clean_urls);
  files.spa = flag_or(table, "spa", files.spa);
  check_clean_urls(table, site, files);
  const Entry* spa = table.entry("spa");
  if (!files.spa || !files.index.empty() || spa == nullptr || table.has_bad_entry()) return;
  site.context.report.error(Code::empty_value, spa->key_place,
                            "'spa' answers navigations with the index file, and 'index' is empty",
                            {"add index = [\"index.html\"]"});
}

}  // namespace sluice::conf
