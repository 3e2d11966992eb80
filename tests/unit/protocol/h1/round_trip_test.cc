// Whatever one codec writes, the codec in the other role reads as the same message: heads and
// contents made from a seeded generator, in every framing, cut at a random offset.
#include <gtest/gtest.h>

#include <random>

#include "unit/protocol/h1/recorder.h"

namespace sluice::h1 {
namespace {

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  size_t below(size_t bound) {
    return std::uniform_int_distribution<size_t>(0, bound - 1)(random_);
  }
  bool coin() { return below(2) == 0; }
  std::string octets(size_t most, std::string_view alphabet) {
    std::string text(below(most + 1), ' ');
    for (char& octet : text) octet = alphabet[below(alphabet.size())];
    return text;
  }
  // Fields no codec treats specially; strings are kept in `memory`.
  void fields(FieldList& out, std::vector<std::string>& memory) {
    const size_t count = below(6);
    memory.reserve(memory.size() + 2 * count);
    for (size_t at = 0; at < count; ++at) {
      const std::string& name = memory.emplace_back("X-" + octets(9, "aZ9-_!~"));
      const std::string& value = memory.emplace_back("v" + octets(40, "abc ,;=\t\"\x80\xff") + "v");
      out.add(name, value);
    }
  }

 private:
  std::mt19937 random_;
};

// Writes `content` in a few pieces.
void write_content(Codec& codec, Framing framing, std::string_view content, Generator& random,
                   Chain& out) {
  while (!content.empty()) {
    const size_t size = 1 + random.below(content.size());
    Chain piece;
    piece.append(copy_of(content.substr(0, size)));
    codec.write_body(framing, piece, out);
    content.remove_prefix(size);
  }
}

std::string expected_fields(const FieldList& fields) {
  std::string text;
  for (const Field& field : fields) {
    text += "  " + std::string(field.name) + ": " + std::string(field.value) + "\n";
  }
  return text;
}

template <typename AnyReader>
std::string read_cut(AnyReader& reader, const std::string& octets, Generator& random, bool close) {
  const size_t cut = random.below(octets.size());
  reader.read(octets.substr(0, cut));
  reader.read(octets.substr(cut));
  if (close) reader.finish();
  EXPECT_EQ(reader.waiting(), "");
  return reader.events();
}

TEST(RoundTrip, Responses) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    Generator random(seed);
    ServerReader writer;
    std::vector<std::string> memory;
    ResponseHead head;
    head.status = std::vector<int>{200, 206, 301, 404, 500, 599}[random.below(6)];
    random.fields(head.fields, memory);
    const std::string content = random.octets(300, "ab\r\n0\xff");
    Codec::ResponseFraming framing{.http_1_0 = random.coin()};
    if (random.coin()) framing.length = content.size();
    framing.persist = random.coin();

    Chain out;
    const Framing kind = writer.codec.write_response_head(head, framing, out);
    write_content(writer.codec, kind, content, random, out);
    writer.codec.write_end(kind, nullptr, out);

    const bool to_close = kind == Framing::until_close;
    std::string expected = "response " + std::to_string(head.status);
    expected += (to_close || kind == Framing::chunked || !content.empty() ? " body\n" : "\n");
    expected += expected_fields(head.fields);
    if (framing.length) expected += "  Content-Length: " + std::to_string(content.size()) + "\n";
    if (!content.empty()) expected += "body " + content + "\n";
    expected += "end\n";
    if (!to_close) expected += framing.persist ? "persists\n" : "closes\n";

    ClientReader reader;
    ASSERT_EQ(read_cut(reader, out.to_string(), random, to_close), expected) << "seed " << seed;
  }
}

TEST(RoundTrip, Requests) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    Generator random(seed);
    ClientReader writer;
    std::vector<std::string> memory;
    RequestHead head;
    head.method_text = "POST";
    head.method = Method::post;
    const std::string target = "/" + random.octets(20, "abc/~+");
    head.target = head.path = target;
    head.authority = "example.com";
    random.fields(head.fields, memory);
    const std::string content = random.octets(300, "ab\r\n0\xff");
    head.has_body = !content.empty();
    Codec::RequestFraming framing{.persist = random.coin()};
    if (random.coin()) framing.length = content.size();
    const bool sized = framing.length || content.empty();

    Chain out;
    const Framing kind = writer.codec.write_request_head(head, framing, out);
    write_content(writer.codec, kind, content, random, out);
    writer.codec.write_end(kind, nullptr, out);

    std::string expected = "request POST " + target + " path=" + target;
    expected += " authority=example.com HTTP/1.1";
    if (sized) expected += " length=" + std::to_string(content.size());
    expected += (content.empty() ? "\n" : " body\n") + expected_fields(head.fields);
    if (!content.empty()) expected += "body " + content + "\n";
    expected += framing.persist ? "end\npersists\n" : "end\ncloses\n";

    ServerReader reader;
    ASSERT_EQ(read_cut(reader, out.to_string(), random, false), expected) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sluice::h1
