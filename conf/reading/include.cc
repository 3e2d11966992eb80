// Reading files that name other files.
#include "conf/reading/include.h"

#include <algorithm>
#include <map>
#include <utility>

#include "conf/keys.h"
#include "conf/reading/environment.h"
#include "conf/reading/shape.h"
#include "conf/reading/syntax.h"

namespace sluice::conf {

namespace {

// Links could make a circle whose paths all differ.
constexpr size_t kDeepest = 16;

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash + 1);
}

bool is_pattern(std::string_view text) { return text.find_first_of("*?[") != text.npos; }

// The folder's own name may hold what would be a wildcard.
std::string escaped(std::string_view folder) {
  std::string out;
  for (const char c : folder) {
    if (c == '*' || c == '?' || c == '[' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

class Loader {
 public:
  explicit Loader(const ReadingContext& context) : context_(context) {}

  void load_main(const std::string& path) {
    std::string text;
    const std::string problem = context_.files.read(path, text);
    const uint32_t source = context_.report.add_source(path, std::move(text));
    if (!problem.empty()) {
      return context_.report.error(Code::unreadable_file, {.source = source},
                                   "cannot be read: " + problem);
    }
    stack_.push_back(context_.files.absolute(path));
    origins_.emplace(stack_.back(), Origin(path));
    parse(path, source);
  }

  std::vector<File> files;

 private:
  Report& report() { return context_.report; }

  void parse(const std::string& path, uint32_t source) {
    std::optional<Node> root = parse_source(source, report());
    if (!root) return;
    resolve_variables(*root, context_.environment, report());
    if (stack_.size() > 1) refuse_main_keys(*root);
    check_shape(*root, file_table(), report());
    const size_t number = files.size();
    files.push_back({std::move(*root), folder_of(stack_.back())});
    // By number: the vector grows while the included files are read.
    if (const Node* include = files[number].root.find("include")) {
      const Node copy = *include;
      include_all(copy, folder_of(path));
    }
  }

  void refuse_main_keys(Node& root) {
    const auto allowed = included_keys();
    for (Entry& entry : root.entries) {
      const bool known = find_key(file_table(), entry.key) != nullptr;
      const bool right = std::find(allowed.begin(), allowed.end(), entry.key) != allowed.end();
      if (!known || right) continue;
      entry.value.bad = true;
      report().error(
          Code::not_in_included_file, entry.key_place,
          "'" + entry.key + "' stands in an included file",
          {"it holds for all sites: move it to " + report().name(0),
           "an included file may hold [[site]], [[listener]], [[certificate]] and include"});
    }
  }

  void include_all(const Node& include, const std::string& folder) {
    if (include.kind == Node::Kind::string) return include_pattern(include, folder);
    for (const Node& item : include.items) {
      if (!item.bad) include_pattern(item, folder);
    }
  }

  void include_pattern(const Node& node, const std::string& folder) {
    const bool absolute = node.text.starts_with('/');
    if (!is_pattern(node.text)) {
      return include_file((absolute ? "" : folder) + node.text, node);
    }
    const auto paths = context_.files.glob((absolute ? "" : escaped(folder)) + node.text);
    if (paths.empty()) {
      report().warning(Code::include_matches_nothing, node.place,
                       "no file matches '" + node.text + "'",
                       {"it is relative to the folder of " + report().name(node.place.source)});
    }
    for (const std::string& path : paths) include_file(path, node);
  }

  // Whether the file may be read now; says why not.
  bool admit(const std::string& path, const std::string& absolute, const Node& node) {
    const bool open = std::find(stack_.begin(), stack_.end(), absolute) != stack_.end();
    if (open || stack_.size() >= kDeepest) {
      report().error(
          Code::include_cycle, node.place,
          open ? "'" + path + "' includes itself" : "files include each other too deeply",
          {open && stack_.size() > 1 ? chain(absolute) : std::string()});
      return false;
    }
    const auto [first, added] = origins_.emplace(absolute, report().origin(node.place));
    if (!added) {
      report().warning(Code::include_twice, node.place,
                       "'" + path + "' is included already, and is read once",
                       {"by " + first->second});
    }
    return added;
  }

  std::string chain(const std::string& absolute) const {
    std::string text = "the way round:";
    for (const std::string& path : stack_) text += " " + path.substr(path.rfind('/') + 1) + " ->";
    return text + " " + absolute.substr(absolute.rfind('/') + 1);
  }

  void include_file(const std::string& path, const Node& node) {
    const std::string absolute = context_.files.absolute(path);
    if (!admit(path, absolute, node)) return;
    std::string text;
    if (const std::string problem = context_.files.read(path, text); !problem.empty()) {
      return report().error(
          Code::missing_include, node.place, "'" + path + "' cannot be read: " + problem,
          {"it is relative to the folder of " + report().name(node.place.source)});
    }
    const uint32_t source = report().add_source(path, std::move(text));
    stack_.push_back(absolute);
    parse(path, source);
    stack_.pop_back();
  }

  const ReadingContext& context_;
  std::vector<std::string> stack_;         // absolute paths of the files that are being read
  std::map<std::string, Origin> origins_;  // absolute path -> who included it
};

}  // namespace

std::vector<File> read_files(const std::string& path, const ReadingContext& context) {
  Loader loader(context);
  loader.load_main(path);
  return std::move(loader.files);
}

}  // namespace sluice::conf
