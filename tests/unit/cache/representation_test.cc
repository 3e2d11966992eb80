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

// RFC 9110 section 15.4.5: what a 200 would have of these, and no other metadata.
TEST(Representation, RendersTheFieldsOfA304Apart) {
  const Ref<Representation> made = Representation::of_memory(
      200, {{"Content-Type", "text/css"}, {"Vary", "Accept"}, {"Content-Location", "/a.css"}},
      body_of("a"),
      {.validators = {.entity_tag = "\"1\"", .last_modified = 784111777},
       .freshness = {.storing = Freshness::Storing::no_cache},
       .accept_ranges = true});
  EXPECT_EQ(made->fields().h1,
            "Content-Type: text/css\r\nVary: Accept\r\nContent-Location: /a.css\r\nETag: \"1\"\r\n"
            "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nCache-Control: no-cache\r\n"
            "Expires: Thu, 01 Jan 1970 00:00:00 GMT\r\nAccept-Ranges: bytes\r\n");
  EXPECT_EQ(made->not_modified_fields().h1,
            "Vary: Accept\r\nContent-Location: /a.css\r\nETag: \"1\"\r\nCache-Control: no-cache\r\n"
            "Expires: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
  EXPECT_EQ(made->not_modified_fields().fields.size(), 5u);
  EXPECT_EQ(made->validators().entity_tag, "\"1\"");
  EXPECT_EQ(made->validators().last_modified, 784111777);
  EXPECT_TRUE(made->accepts_ranges());
  EXPECT_FALSE(made->expires_after());
}

TEST(Representation, RepeatsLastModifiedWhereThereIsNoTag) {
  const Ref<Representation> made = Representation::of_memory(
      200, {}, body_of("a"),
      {.validators = {.last_modified = 784111777},
       .freshness = {.storing = Freshness::Storing::max_age, .max_age = 60}});
  EXPECT_EQ(made->not_modified_fields().h1,
            "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nCache-Control: max-age=60\r\n");
  EXPECT_EQ(made->expires_after(), 60);
  EXPECT_TRUE(made->validators().entity_tag.empty());
  EXPECT_FALSE(made->accepts_ranges());
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
