// The sources that are read, and what is found wrong in them.
//
// Whoever finds something gives a Place; the line to show, the file's name and the width of the
// underline come from here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "conf/codes.h"
#include "conf/configuration.h"
#include "conf/diagnostic.h"
#include "conf/document.h"

namespace sluice::conf {

class Report {
 public:
  using Notes = std::vector<std::string>;

  // Adds a source, and returns its number. `name` is what diagnostics call it.
  uint32_t add_source(std::string name, std::string text);
  const std::string& name(uint32_t source) const { return sources_[source].name; }
  std::string_view text(uint32_t source) const { return sources_[source].text; }

  // Empty notes are left out, so that "did you mean" can be passed on as it is.
  void error(Code code, const Place& place, std::string message, Notes notes = {});
  void warning(Code code, const Place& place, std::string message, Notes notes = {});

  // "sites/blog.toml:12".
  Origin origin(const Place& place) const;
  // The place of `part` in what stands at `place`, when it can be found on the first line of that;
  // else `place` itself.
  Place within(const Place& place, std::string_view part) const;

  // All that was found, in the files' order. Call it last.
  Diagnostics take();

 private:
  struct Source {
    std::string name;
    std::string text;
    std::vector<size_t> lines;  // where each begins
  };
  struct Found {
    Place place;
    Diagnostic diagnostic;
  };
  void add(Diagnostic::Severity severity, Code code, const Place& place, std::string message,
           Notes notes);
  std::string_view line_text(const Place& place) const;

  std::vector<Source> sources_;
  std::vector<Found> found_;
};

}  // namespace sluice::conf
