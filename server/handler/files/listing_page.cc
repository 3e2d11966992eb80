// The HTML form of a listing: one self-contained page, readable without scripts, in light and dark.
//
// Every name is escaped twice over, for where it stands: percent-encoded in a link (and then as
// HTML, because '&' is good in a path), as HTML in text. The page's policy (files_handler.cc)
// allows its own style and nothing else.
#include <cassert>
#include <string>
#include <string_view>

#include "server/handler/files/listing.h"
#include "server/handler/files/request_path.h"

namespace sluice::handler {

namespace {

constexpr std::string_view kHead = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<style>
:root { --ink: #1c2733; --soft: #5d6b7a; --paper: #f6f8fa; --card: #fff; --line: #e1e7ed; --link: #0b63b6; --row: #f0f6fc }
@media (prefers-color-scheme: dark) {
  :root { --ink: #dfe7ef; --soft: #8b9aab; --paper: #0f151c; --card: #161e27; --line: #263140; --link: #6cb6ff; --row: #1c2733 }
}
* { box-sizing: border-box }
body { margin: 0; padding: 2.5rem 1rem 4rem; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 60rem; margin: 0 auto }
h1 { font-size: 1.3rem; font-weight: 600; margin: 0 .25rem 1.25rem; overflow-wrap: anywhere }
h1 span { color: var(--soft); font-weight: 400; margin: 0 .15em }
a { color: var(--link); text-decoration: none }
a:hover, a:focus-visible { text-decoration: underline }
table { width: 100%; border-collapse: separate; border-spacing: 0; background: var(--card); border: 1px solid var(--line); border-radius: 12px; overflow: hidden }
th { text-align: left; font-size: .8rem; font-weight: 600; color: var(--soft); padding: .7rem 1rem; border-bottom: 1px solid var(--line) }
th a { color: inherit }
td { padding: .45rem 1rem; border-top: 1px solid var(--line); vertical-align: top }
tbody tr:first-child td { border-top: 0 }
tbody tr:hover { background: var(--row) }
td:first-child { overflow-wrap: anywhere; width: 100% }
td:first-child::before { content: ""; display: inline-block; width: .75em; height: .95em; margin: 0 .85em 0 .2em; vertical-align: -.1em; border: 1.5px solid var(--soft); border-radius: 2px }
.d td:first-child::before { width: 1.1em; height: .8em; margin: 0 .65em 0 .05em; vertical-align: 0; border-top-width: 4px; border-color: var(--link) }
.u td:first-child::before { width: .5em; height: .5em; margin: 0 1em 0 .35em; vertical-align: .05em; border-width: 2px 0 0 2px; border-radius: 0; transform: rotate(-45deg) }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; color: var(--soft) }
p { color: var(--soft); font-size: .875rem; margin: 1rem .25rem }
.cut { color: var(--ink); background: #f5b80033; border-radius: 8px; padding: .6rem .9rem }
@media (max-width: 40rem) { .t { display: none } td, th { padding-left: .7rem; padding-right: .7rem } }
</style>
)html";

void append_text(std::string& out, std::string_view text) {
  for (const char octet : text) {
    switch (octet) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += octet;
    }
  }
}

// A link's target. Names are led by "./" so that a colon in one does not make it a scheme.
void append_link(std::string& out, std::string_view path) {
  std::string encoded;
  append_encoded(encoded, path);
  append_text(out, encoded);
}

// "/docs/guide/" becomes links to each folder above, and the last name.
void append_breadcrumbs(std::string& out, std::string_view path) {
  assert(path.starts_with('/') && path.ends_with('/'));
  out += "<h1>";
  if (path == "/") {
    out += "/</h1>\n";
    return;
  }
  out += "<a href=\"/\">home</a>";
  size_t begin = 1;
  while (begin < path.size()) {
    const size_t end = path.find('/', begin);
    const std::string_view name = path.substr(begin, end - begin);
    out += "<span>/</span>";
    if (end + 1 == path.size()) {
      append_text(out, name);
    } else {
      out += "<a href=\"";
      append_link(out, path.substr(0, end + 1));
      out += "\">";
      append_text(out, name);
      out += "</a>";
    }
    begin = end + 1;
  }
  out += "</h1>\n";
}

struct Column {
  ListingSort sort;
  std::string_view key;
  std::string_view title;
  std::string_view classes;
};

// The column that is sorted by shows its direction and links to the other one.
void append_column(std::string& out, const Column& column, const ListingOrder& order) {
  const bool current = column.sort == order.sort;
  const bool to_descending = current && !order.descending;
  out += "<th class=\"";
  out += column.classes;
  out += current ? (order.descending ? "\" aria-sort=\"descending\"><a href=\"?sort="
                                     : "\" aria-sort=\"ascending\"><a href=\"?sort=")
                 : "\"><a href=\"?sort=";
  out += column.key;
  out += to_descending ? "&amp;order=desc\">" : "&amp;order=asc\">";
  out += column.title;
  if (current) out += order.descending ? " \xE2\x86\x93" : " \xE2\x86\x91";  // arrows down and up
  out += "</a></th>";
}

void append_columns(std::string& out, const ListingOrder& order) {
  out += "<thead><tr>";
  append_column(out, {ListingSort::name, "name", "Name", ""}, order);
  append_column(out, {ListingSort::size, "size", "Size", "n"}, order);
  append_column(out, {ListingSort::time, "time", "Modified (UTC)", "n t"}, order);
  out += "</tr></thead>\n<tbody>\n";
}

void append_row(std::string& out, const ListedEntry& entry) {
  const std::string_view slash = entry.directory ? "/" : "";
  out += entry.directory ? "<tr class=\"d\"><td><a href=\"./" : "<tr><td><a href=\"./";
  append_link(out, entry.name);
  out += slash;
  out += "\">";
  append_text(out, entry.name);
  out += slash;
  out += "</a></td><td class=\"n\">";
  out += entry.directory ? "\xE2\x80\x93" : size_text(entry.size);  // an en dash
  out += "</td><td class=\"n t\">";
  out += time_text(entry.modified_seconds, TimeForm::people);
  out += "</td></tr>\n";
}

void append_notes(std::string& out, const Listing& listing) {
  if (listing.cut) {
    out += "<p class=\"cut\">This folder holds more than " + std::to_string(listing.max_entries) +
           " names. Only those that were read first are shown.</p>\n";
  }
  const size_t count = listing.entries.size();
  out += "<p>" + (count == 0 ? "Nothing here." : std::to_string(count)) +
         (count == 0   ? ""
          : count == 1 ? " entry."
                       : " entries.") +
         " Served by Sluice.</p>\n";
}

}  // namespace

std::string listing_html(const Listing& listing, std::string_view path, const ListingOrder& order) {
  std::string out;
  out.reserve(kHead.size() + 1024 + listing.entries.size() * 160);
  out += kHead;
  out += "<title>";
  append_text(out, path);
  out += "</title>\n</head>\n<body>\n<main>\n";
  append_breadcrumbs(out, path);
  out += "<table>\n";
  append_columns(out, order);
  if (path != "/") {
    out +=
        "<tr class=\"u\"><td><a href=\"../\">..</a></td><td class=\"n\"></td>"
        "<td class=\"n t\"></td></tr>\n";
  }
  for (const ListedEntry& entry : listing.entries) append_row(out, entry);
  out += "</tbody>\n</table>\n";
  append_notes(out, listing);
  out += "</main>\n</body>\n</html>\n";
  return out;
}

}  // namespace sluice::handler
