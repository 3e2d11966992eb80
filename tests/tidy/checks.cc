// The rules themselves. Tables first: to allow a new arrow, header or word is to change a table
// here, and the commit says why.
#include "tests/tidy/checks.h"

#include <algorithm>
#include <array>
#include <map>
#include <regex>
#include <set>
#include <string_view>
#include <utility>

namespace sluice::tidy {
namespace {

using Names = std::vector<std::string_view>;

// What chain.h is made of. It lies below codecs and loop alike, so this much of protocol/ is open
// to server/net, and these files in turn see nothing of protocol/ but each other.
const Names kChain = {"protocol/block.h", "protocol/chain.h",       "protocol/open_file.h",
                      "protocol/owner.h", "protocol/shared_body.h", "protocol/slice.h"};

// The arrows: files under `from` may include their own folder and what `to` names (folders end in
// a slash). The longest matching `from` decides.
struct Arrow {
  std::string_view from;
  Names to;
};

const std::vector<Arrow>& arrows() {
  static const std::vector<Arrow> kArrows = {
      {"conf/", {}},
      {"protocol/", {}},
      {"tls/", {"conf/"}},
      {"cache/", {"protocol/"}},
      {"server/net/",
       {"conf/", "tls/session.h", "cache/waker.h", kChain[0], kChain[1], kChain[2], kChain[3],
        kChain[4], kChain[5]}},
      {"server/http/", {"conf/", "protocol/", "tls/", "cache/", "server/net/"}},
      {"server/handler/", {"conf/", "protocol/", "tls/", "cache/", "server/net/", "server/http/"}},
      {"server/ops/", {"conf/", "protocol/", "tls/", "cache/", "server/net/", "server/http/"}},
      // A configuration made ready, the server around it, the commands in front of both, and
      // main.cc, which is the command line alone.
      {"server/listener_contexts", {"conf/", "tls/", "server/ops/"}},
      {"server/tls_upkeep", {"tls/", "server/net/", "server/ops/"}},
      {"server/snapshot",
       {"conf/", "protocol/", "tls/", "cache/", "server/net/", "server/http/", "server/handler/",
        "server/ops/", "server/listener_contexts.h"}},
      {"server/server.",
       {"conf/", "protocol/", "tls/", "cache/", "server/net/", "server/http/", "server/handler/",
        "server/ops/", "server/snapshot.h", "server/listener_contexts.h", "server/tls_upkeep.h"}},
      {"server/commands/",
       {"conf/", "tls/", "server/net/", "server/ops/", "server/server.h",
        "server/listener_contexts.h"}},
      {"server/main.cc", {"conf/", "tls/memory.h", "server/commands/", "bench/generator/"}},
      {"bench/", {"conf/", "protocol/", "tls/", "cache/", "server/"}},
      {"tests/",
       {"conf/", "protocol/", "tls/", "cache/", "server/", "bench/", "support/", "unit/"}},
  };
  return kArrows;
}

// Libraries hidden behind a wrapper: where they may be included, and (nowhere else in headers) how
// their types are recognised.
struct Wrapped {
  std::string_view header_prefix;
  std::string_view folder;
  std::regex types;
  // A header of the folder that may include the library's, and with it headers that stay inside the
  // folder (check_wrappers); empty: only .cc files may.
  std::string_view wrapper = {};
};

const std::array<Wrapped, 5>& wrapped_libraries() {
  static const std::array<Wrapped, 5> kWrapped = {{
      {"llhttp", "protocol/", std::regex(R"(\bllhttp_(t|settings_t|errno_t|method_t|type_t)\b)")},
      {"toml++/", "conf/", std::regex(R"(\btoml::\w+)")},
      {"nghttp2/", "protocol/", std::regex(R"(\bnghttp2_\w+)"), "protocol/h2/inside.h"},
      {"openssl/", "tls/", std::regex(R"(\b(SSL|SSL_CTX|SSL_SESSION|BIO|X509|EVP_\w+)\b)"),
       "tls/openssl.h"},
      {"ares", "server/net/", std::regex(R"(\bares_\w+)")},
  }};
  return kWrapped;
}

// Headers that would bring sockets, clocks, threads or I/O into protocol/. (arpa/inet.h only turns
// addresses into octets.)
const Names kNotInProtocol = {"sys/socket.h", "sys/epoll.h",        "sys/un.h", "netinet/tcp.h",
                              "poll.h",       "unistd.h",           "fcntl.h",  "thread",
                              "mutex",        "condition_variable", "iostream", "fstream",
                              "future",       "pthread.h"};

// Calls nobody makes, with what to use.
const std::map<std::string_view, std::string_view> kBannedCalls = {
    {"strcpy", "a std::string or a bounded copy"},
    {"strcat", "a std::string"},
    {"sprintf", "snprintf or std::to_chars"},
    {"vsprintf", "vsnprintf"},
    {"gets", "read"},
    {"strtok", "std::string_view::find"},
    {"atoi", "std::from_chars"},
    {"atol", "std::from_chars"},
    {"atoll", "std::from_chars"},
    {"atof", "std::from_chars"},
    {"stoi", "std::from_chars"},
    {"stol", "std::from_chars"},
    {"stoll", "std::from_chars"},
    {"stoul", "std::from_chars"},
    {"stoull", "std::from_chars"},
    {"stod", "std::from_chars"},
    {"rand", "getrandom or <random>"},
    {"srand", "getrandom or <random>"},
    {"system", "posix_spawn"},
    {"popen", "posix_spawn"},
    {"tmpnam", "mkdtemp"},
    {"mktemp", "mkdtemp"},
    {"alloca", "a bounded array"},
    {"gmtime", "gmtime_r"},
    {"localtime", "localtime_r"},
};

// What runs per event or per request. A std::function elsewhere (a factory called once at start) is
// fine.
const Names kDataPath = {"protocol/",
                         "tls/",
                         "cache/",
                         "server/http/",
                         "server/net/loop",
                         "server/net/timers",
                         "server/net/listener",
                         "server/net/transport"};

bool is_header(std::string_view path) { return path.ends_with(".h"); }
bool includes_file(const SourceFile& file, std::string_view target) {
  const std::vector<Include> includes = find_includes(file.text);
  return std::any_of(includes.begin(), includes.end(),
                     [target](const Include& include) { return include.target == target; });
}
// Whether a header is one of those that a library's wrapper keeps inside its folder.
bool is_inside(const SourceFile& file, const Wrapped& library) {
  return !library.wrapper.empty() && is_header(file.path) &&
         file.path.starts_with(library.folder) &&
         (file.path == library.wrapper || includes_file(file, library.wrapper));
}
bool is_cpp(std::string_view path) { return is_header(path) || path.ends_with(".cc"); }
bool contains(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}
bool starts_with_any(std::string_view path, const Names& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return path.starts_with(prefix); });
}
bool is_product(std::string_view path) {
  return starts_with_any(path, {"conf/", "protocol/", "tls/", "cache/", "server/"});
}

const Arrow* arrow_from(std::string_view path) {
  const Arrow* best = nullptr;
  for (const Arrow& arrow : arrows()) {
    if (path.starts_with(arrow.from) && (!best || arrow.from.size() > best->from.size())) {
      best = &arrow;
    }
  }
  return best;
}

// Whether `arrow` leads from its folder to the file `target`.
bool leads_to(const Arrow& arrow, std::string_view target) {
  if (target.starts_with(arrow.from)) return true;
  return std::any_of(arrow.to.begin(), arrow.to.end(), [&](std::string_view to) {
    return to.ends_with('/') ? target.starts_with(to) : target == to;
  });
}

// Whether a comment block that ends right above `line` (1-based) gives a reason with `long:`.
bool has_long_reason(const std::vector<std::string_view>& comment_lines, std::size_t line) {
  static const std::regex kReason(R"(//\s*long:\s*\S)");
  for (std::size_t i = line - 1; i > 0; --i) {
    std::string_view above = comment_lines[i - 1];
    if (above.find_first_not_of(" \t") == std::string_view::npos) return false;
    if (std::regex_search(above.begin(), above.end(), kReason)) return true;
  }
  return false;
}

// The line after the file's opening comment.
std::size_t after_opening(const std::vector<std::string_view>& comment_lines) {
  std::size_t line = 1;
  while (line <= comment_lines.size() &&
         comment_lines[line - 1].find_first_not_of(" \t") != std::string_view::npos) {
    ++line;
  }
  return line;
}

std::string banned_call(const Word& word) {
  bool unqualified = word.scope.empty() || word.scope == ":" || word.scope == "std";
  if (!word.is_call || word.is_member || !unqualified) return "";
  auto banned = kBannedCalls.find(word.text);
  if (banned == kBannedCalls.end()) return "";
  return word.text + " is banned; use " + std::string(banned->second);
}

// Why `word` may not stand in a file of this path; empty when it may.
std::string complaint(std::string_view path, const Word& word) {
  if (word.text.starts_with("llhttp_set_lenient")) {
    return "llhttp stays strict: " + word.text + " is banned";
  }
  if (std::string banned = banned_call(word); !banned.empty()) return banned;
  if (!is_product(path)) return "";
  bool may_throw = path == "server/main.cc" || path.starts_with("conf/");
  if (!may_throw && (word.text == "throw" || word.text == "catch")) {
    return "errors are values outside server/main.cc and conf/";
  }
  if (word.text == "function" && word.scope == "std" && starts_with_any(path, kDataPath)) {
    return "std::function allocates; the data path uses virtual calls";
  }
  if (word.text == "co_await" || word.text == "co_yield" || word.text == "co_return") {
    return "no coroutines: g++ 12 does not elide their frames";
  }
  if (word.text == "mmap" && word.is_call && !word.is_member) {
    return "served content is never mapped: a truncated file would raise SIGBUS";
  }
  return "";
}

std::string quote(std::string_view text) { return "\"" + std::string(text) + "\""; }

}  // namespace

Findings check_place(const SourceFile& file) {
  if (starts_with_any(file.path,
                      {"conf/", "protocol/", "tls/", "cache/", "server/", "bench/", "tests/"})) {
    return {};
  }
  return {{file.path, 1, "no code outside conf, protocol, tls, cache, server, bench and tests"}};
}

Findings check_arrows(const SourceFile& file) {
  if (!is_cpp(file.path)) return {};
  const Arrow* arrow = arrow_from(file.path);
  if (arrow == nullptr)
    return {{file.path, 1, "this folder is on no arrow of tests/tidy/checks.cc"}};
  Findings findings;
  for (const Include& include : find_includes(file.text)) {
    if (!include.quoted) continue;
    const std::string& target = include.target;
    bool allowed = leads_to(*arrow, target);
    if (contains(kChain, file.path)) allowed = contains(kChain, target);
    if (target.find('/') == std::string::npos || target.starts_with(".")) {
      findings.push_back({file.path, include.line,
                          "include " + quote(target) + " by its path from the top level"});
    } else if (!allowed) {
      findings.push_back(
          {file.path, include.line,
           "no arrow leads from " + std::string(arrow->from) + " to " + quote(target)});
    }
  }
  return findings;
}

Findings check_system_headers(const SourceFile& file) {
  if (!is_cpp(file.path) || !is_product(file.path)) return {};
  Findings findings;
  auto add = [&](std::size_t line, const std::string& why) {
    findings.push_back({file.path, line, why});
  };
  for (const Include& include : find_includes(file.text)) {
    if (file.path.starts_with("protocol/") && contains(kNotInProtocol, include.target)) {
      add(include.line,
          "protocol/ knows no sockets, clock, threads or I/O: <" + include.target + ">");
    }
    for (const Wrapped& library : wrapped_libraries()) {
      if (!include.target.starts_with(library.header_prefix)) continue;
      if (file.path != library.wrapper &&
          (is_header(file.path) || !file.path.starts_with(library.folder))) {
        add(include.line, "<" + include.target + "> belongs in a .cc file of " +
                              std::string(library.folder) + " only");
      }
    }
  }
  if (!is_header(file.path)) return findings;
  Layers layers = split_layers(file.text);
  for (const Wrapped& library : wrapped_libraries()) {
    if (is_inside(file, library)) continue;
    std::smatch match;
    if (std::regex_search(layers.code, match, library.types)) {
      add(line_at(layers.code, static_cast<std::size_t>(match.position())),
          "the type " + match.str() + " stays behind its wrapper");
    }
  }
  return findings;
}

Findings check_opening(const SourceFile& file) {
  Findings findings;
  std::string_view text = file.text;
  if (is_cpp(file.path) && !text.starts_with("//") && !text.starts_with("/*")) {
    findings.push_back({file.path, 1, "open the file with a comment on the problem it solves"});
  }
  if (file.path.ends_with(".py") && !text.starts_with("\"\"\"") && !text.starts_with("#")) {
    findings.push_back({file.path, 1, "open the file with a docstring on the problem it solves"});
  }
  if (is_header(file.path) && text.find("#pragma once\n") == std::string_view::npos) {
    findings.push_back({file.path, 1, "#pragma once is missing"});
  }
  return findings;
}

Findings check_file_size(const SourceFile& file) {
  if (!is_cpp(file.path)) return {};
  std::size_t lines = split_lines(file.text).size();
  if (lines <= kFileLines) return {};
  std::string size = std::to_string(lines) + " lines, ";
  if (lines > kFileLinesNever) {
    return {{file.path, 1, size + "never more than " + std::to_string(kFileLinesNever)}};
  }
  Layers layers = split_layers(file.text);
  std::vector<std::string_view> comments = split_lines(layers.comments);
  if (has_long_reason(comments, after_opening(comments))) return {};
  return {{file.path, 1,
           size + "more than " + std::to_string(kFileLines) +
               ": split it, or say why in the opening comment (`// long: reason`)"}};
}

Findings check_function_sizes(const SourceFile& file) {
  if (!is_cpp(file.path)) return {};
  Layers layers = split_layers(file.text);
  FunctionScan scan = find_functions(layers.code);
  if (!scan.balanced)
    return {{file.path, 1, "braces do not balance; the size budget cannot be held"}};
  std::vector<std::string_view> comments = split_lines(layers.comments);
  Findings findings;
  for (const Function& function : scan.functions) {
    if (function.lines() <= kFunctionLines) continue;
    if (has_long_reason(comments, function.first_line)) continue;
    findings.push_back(
        {file.path, function.first_line,
         std::to_string(function.lines()) + " lines, more than " + std::to_string(kFunctionLines) +
             ": split it, or say why above it (`// long: reason`): " + function.name});
  }
  return findings;
}

Findings check_words(const SourceFile& file) {
  if (!is_cpp(file.path)) return {};
  Findings findings;
  Layers layers = split_layers(file.text);
  for (const Word& word : find_words(layers.code)) {
    std::string why = complaint(file.path, word);
    if (!why.empty()) findings.push_back({file.path, word.line, why});
  }
  return findings;
}

Findings check_comments(const SourceFile& file) {
  if (!is_cpp(file.path)) return {};
  static const std::regex kLater(R"(\b(TODO|FIXME|XXX|HACK)\b(?!\(#\d+\)))");
  Findings findings;
  Layers layers = split_layers(file.text);
  std::vector<std::string_view> lines = split_lines(layers.comments);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (std::regex_search(lines[i].begin(), lines[i].end(), kLater)) {
      findings.push_back({file.path, i + 1, "work for later is an issue, not a comment"});
    }
  }
  return findings;
}

namespace {

// Depth-first over the includes between known files; a file met again on the path closes a circle.
class CycleSearch {
 public:
  explicit CycleSearch(const std::vector<SourceFile>& files) {
    for (const SourceFile& file : files) {
      if (is_cpp(file.path)) includes_[file.path] = find_includes(file.text);
    }
  }

  Findings search() {
    for (const auto& [path, includes] : includes_) visit(path);
    return std::move(findings_);
  }

 private:
  void visit(const std::string& path) {
    if (!seen_.insert(path).second) return;
    trail_.push_back(path);
    for (const Include& include : includes_[path]) {
      if (!includes_.contains(include.target)) continue;
      auto met = std::find(trail_.begin(), trail_.end(), include.target);
      if (met != trail_.end()) {
        report(path, include, met);
      } else {
        visit(include.target);
      }
    }
    trail_.pop_back();
  }

  void report(const std::string& path, const Include& include,
              std::vector<std::string>::iterator met) {
    std::string circle;
    for (; met != trail_.end(); ++met) circle += *met + " -> ";
    findings_.push_back({path, include.line, "circular include: " + circle + include.target});
  }

  std::map<std::string, std::vector<Include>> includes_;
  std::set<std::string> seen_;
  std::vector<std::string> trail_;
  Findings findings_;
};

}  // namespace

Findings check_cycles(const std::vector<SourceFile>& files) { return CycleSearch(files).search(); }

Findings check_wrappers(const std::vector<SourceFile>& files) {
  Findings findings;
  for (const Wrapped& library : wrapped_libraries()) {
    std::set<std::string> inside;
    for (const SourceFile& file : files) {
      if (is_inside(file, library)) inside.insert(file.path);
    }
    for (const SourceFile& file : files) {
      if (!is_cpp(file.path) || !is_product(file.path)) continue;
      // A header of the folder that is no wrapper itself would carry the library out of it.
      const bool at_home = file.path.starts_with(library.folder) &&
                           (!is_header(file.path) || inside.contains(file.path));
      if (at_home) continue;
      for (const Include& include : find_includes(file.text)) {
        if (!inside.contains(include.target)) continue;
        findings.push_back(
            {file.path, include.line,
             quote(include.target) + " stays inside " + std::string(library.folder)});
      }
    }
  }
  return findings;
}

Findings check_size_distribution(const std::vector<SourceFile>& files) {
  std::vector<std::size_t> sizes;
  for (const SourceFile& file : files) {
    if (!is_cpp(file.path) || !is_product(file.path)) continue;
    for (const Function& function : find_functions(split_layers(file.text).code).functions) {
      sizes.push_back(function.lines());
    }
  }
  if (sizes.empty()) return {};
  std::sort(sizes.begin(), sizes.end());
  Findings findings;
  auto hold = [&](std::string_view what, std::size_t lines, std::size_t most) {
    if (lines <= most) return;
    findings.push_back({".", 0,
                        std::string(what) + " function has " + std::to_string(lines) +
                            " lines, the budget is " + std::to_string(most)});
  };
  hold("the median", sizes[sizes.size() / 2], kFunctionLinesMedian);
  hold("the 90th percentile", sizes[sizes.size() * 9 / 10], kFunctionLinesP90 - 1);
  return findings;
}

}  // namespace sluice::tidy
