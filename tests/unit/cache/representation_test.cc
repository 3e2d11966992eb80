// A representation's fields are rendered once, for both HTTP versions.
#include "cache/representation.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::cache {
namespace {

Ref<SharedBody> body_of(std::string_view text) {
  Ref<SharedBody> body = Ref<SharedBody>::adopt(new SharedBody());
  body->append(text);
  return body;
}

class FakeFile final : public OpenFile {
 public:
  FakeFile(uint64_t size, bool* closed) : OpenFile(-1, size), closed_(closed) {}

 private:
  ~FakeFile() override { *closed_ = true; }
  bool* closed_;
};

TEST(Representation, RendersItsFieldsOnce) {
  const Ref<Representation> made = Representation::of_memory(
      200,
      {{"Content-Type", "text/html; charset=utf-8"}, {"Last-Modified", ""}, {"Vary", "Accept"}},
      body_of("hello"));
  EXPECT_EQ(made->fields().h1, "Content-Type: text/html; charset=utf-8\r\nVary: Accept\r\n");
  ASSERT_EQ(made->fields().fields.size(), 2u);
  EXPECT_EQ(made->fields().fields[0].id, FieldId::content_type);
  EXPECT_EQ(made->fields().fields.value(FieldId::content_type), "text/html; charset=utf-8");
  EXPECT_EQ(made->fields().fields[1].name, "Vary");
  EXPECT_EQ(made->fields().fields[1].name.data(), made->fields().h1.data() + 40);
}

TEST(Representation, HoldsABody) {
  const Ref<Representation> made = Representation::of_memory(404, {}, body_of("hello"));
  EXPECT_EQ(made->status(), 404);
  EXPECT_EQ(made->length(), 5u);
  ASSERT_NE(made->body(), nullptr);
  EXPECT_EQ(made->file(), nullptr);
  EXPECT_TRUE(made->fields().h1.empty());
}

TEST(Representation, AnEmptyBodyIsABody) {
  const Ref<Representation> made = Representation::of_memory(200, {}, body_of(""));
  EXPECT_EQ(made->length(), 0u);
  EXPECT_NE(made->body(), nullptr);
}

TEST(Representation, ClosesItsFileWithTheLastPin) {
  bool closed = false;
  Ref<Representation> made =
      Representation::of_file(200, {}, Ref<OpenFile>::adopt(new FakeFile(1000, &closed)));
  EXPECT_EQ(made->length(), 1000u);
  EXPECT_EQ(made->body(), nullptr);
  Ref<Handle> handle(new Handle(Ref<SharedOwner>(made.get())));
  made.reset();
  EXPECT_FALSE(closed);
  handle.reset();
  EXPECT_TRUE(closed);
}

TEST(Representation, CountsWhatItCosts) {
  const std::string text(10'000, 'x');
  const Ref<Representation> held = Representation::of_memory(200, {{"A", "b"}}, body_of(text));
  EXPECT_GE(held->footprint(), text.size() + sizeof(Representation));
  EXPECT_LE(held->footprint(), text.size() + 1'000);
  bool closed = false;
  const Ref<Representation> open =
      Representation::of_file(200, {}, Ref<OpenFile>::adopt(new FakeFile(1'000'000, &closed)));
  EXPECT_LE(open->footprint(), 1'000u) << "a file's octets are not in memory";
}

}  // namespace
}  // namespace sluice::cache
