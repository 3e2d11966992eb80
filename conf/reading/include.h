// The main file and all that it includes, parsed and of the right shape.
#pragma once

#include <string>
#include <vector>

#include "conf/document.h"
#include "conf/file_source.h"
#include "conf/reader.h"
#include "conf/reading/report.h"

namespace sluice::conf {

struct File {
  Node root;
  std::string folder;  // absolute: what relative paths in it start from
};

// Everything a reader works with.
struct ReadingContext {
  FileSource& files;
  const Environment& environment;
  Report& report;
};

// The main file first, then the others in the order in which they are included (globs sorted). A
// file that cannot be read or parsed is reported and left out.
std::vector<File> read_files(const std::string& path, const ReadingContext& context);

}  // namespace sluice::conf
