// Replacing variables.
#include "conf/reading/environment.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace sluice::conf {

namespace {

constexpr std::string_view kForms = "expected ${NAME} or ${NAME:-default}";

struct Variable {
  std::string_view whole;  // "${NAME:-default}"
  std::string_view name;
  std::optional<std::string_view> fallback;
};

bool is_name(std::string_view text) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !text.empty() && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

// Reads the variable at the beginning of `text`, which is "${". Nothing when it is none.
std::optional<Variable> read_variable(std::string_view text) {
  const size_t end = text.find('}');
  if (end == text.npos) return std::nullopt;
  Variable variable{text.substr(0, end + 1), text.substr(2, end - 2), std::nullopt};
  if (const size_t mark = variable.name.find(":-"); mark != text.npos) {
    variable.fallback = variable.name.substr(mark + 2);
    variable.name = variable.name.substr(0, mark);
  }
  if (!is_name(variable.name)) return std::nullopt;
  return variable;
}

class Resolver {
 public:
  Resolver(Node& node, const Environment& environment, Report& report)
      : node_(node), environment_(environment), report_(report) {}

  void run() {
    std::string_view rest = node_.text;
    std::string out;
    for (size_t at = rest.find("${"); at != rest.npos; at = rest.find("${")) {
      out += rest.substr(0, at);
      rest.remove_prefix(at);
      rest.remove_prefix(out.ends_with('$') ? keep(out) : replace(rest, out));
    }
    node_.text = std::string(out.append(rest));
  }

 private:
  // "$${": takes the first dollar away again and keeps the brace.
  static size_t keep(std::string& out) {
    out += "{";
    return 2;
  }

  // Appends what the variable stands for; returns how many octets were read.
  size_t replace(std::string_view text, std::string& out) {
    const std::optional<Variable> variable = read_variable(text);
    if (!variable) {
      const size_t end = text.find('}');
      const std::string_view part = text.substr(0, end == text.npos ? end : end + 1);
      fail(Code::bad_variable, part, "'" + std::string(part) + "' is no variable",
           std::string(kForms) + "; for these octets as they stand write $${");
      // What follows may belong to it: nobody knows where it was meant to end.
      return text.size();
    }
    node_.had_variable = true;
    const std::optional<std::string> value = environment_(variable->name);
    if (value && (!value->empty() || !variable->fallback)) {
      out += *value;
    } else if (variable->fallback) {
      out += *variable->fallback;
    } else {
      const std::string name(variable->name);
      fail(Code::unset_variable, variable->whole, "the variable " + name + " is not set",
           "set it, or give it a default: ${" + name + ":-default}");
    }
    return variable->whole.size();
  }

  void fail(Code code, std::string_view part, std::string message, std::string note) {
    node_.bad = true;
    report_.error(code, report_.within(node_.place, part), std::move(message), {std::move(note)});
  }

  Node& node_;
  const Environment& environment_;
  Report& report_;
};

}  // namespace

void resolve_variables(Node& node, const Environment& environment, Report& report) {
  if (node.kind == Node::Kind::string && node.text.find("${") != std::string::npos) {
    Resolver(node, environment, report).run();
  }
  for (Node& item : node.items) resolve_variables(item, environment, report);
  for (Entry& entry : node.entries) resolve_variables(entry.value, environment, report);
}

}  // namespace sluice::conf
