// Field names and lists (RFC 9110 sections 5.1 and 5.6.1), against their plain definitions.
#include "protocol/fields.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace sluice {
namespace {

const std::map<std::string, FieldId> kNames = {
    {"Accept", FieldId::accept},
    {"Accept-Encoding", FieldId::accept_encoding},
    {"Allow", FieldId::allow},
    {"Authorization", FieldId::authorization},
    {"Cache-Control", FieldId::cache_control},
    {"Connection", FieldId::connection},
    {"Content-Length", FieldId::content_length},
    {"Content-Type", FieldId::content_type},
    {"Cookie", FieldId::cookie},
    {"Date", FieldId::date},
    {"Expect", FieldId::expect},
    {"Host", FieldId::host},
    {"If-Match", FieldId::if_match},
    {"If-Modified-Since", FieldId::if_modified_since},
    {"If-None-Match", FieldId::if_none_match},
    {"If-Range", FieldId::if_range},
    {"If-Unmodified-Since", FieldId::if_unmodified_since},
    {"Keep-Alive", FieldId::keep_alive},
    {"Last-Modified", FieldId::last_modified},
    {"Location", FieldId::location},
    {"Priority", FieldId::priority},
    {"Range", FieldId::range},
    {"Referer", FieldId::referer},
    {"TE", FieldId::te},
    {"Trailer", FieldId::trailer},
    {"Transfer-Encoding", FieldId::transfer_encoding},
    {"Upgrade", FieldId::upgrade},
    {"User-Agent", FieldId::user_agent},
};

TEST(FieldId, KnowsItsNamesInAnyCase) {
  for (const auto& [name, id] : kNames) {
    std::string lower = name;
    std::string upper = name;
    for (char& octet : lower) octet = static_cast<char>(std::tolower(octet));
    for (char& octet : upper) octet = static_cast<char>(std::toupper(octet));
    EXPECT_EQ(field_id(name), id) << name;
    EXPECT_EQ(field_id(lower), id) << lower;
    EXPECT_EQ(field_id(upper), id) << upper;
  }
}

TEST(FieldId, KnowsEveryEnumeratorButOther) {
  EXPECT_EQ(kNames.size(), static_cast<size_t>(FieldId::user_agent));
}

TEST(FieldId, TakesNoOtherName) {
  for (const auto& [name, id] : kNames) {
    for (size_t at = 0; at < name.size(); ++at) {
      for (const int flip : {1, 0x20, 0x40, 0x80}) {
        std::string other = name;
        other[at] = static_cast<char>(other[at] ^ flip);
        if (flip == 0x20 && std::isalpha(name[at])) continue;  // the other case
        EXPECT_EQ(field_id(other), FieldId::other) << name << " at " << at;
      }
    }
    EXPECT_EQ(field_id(name + "x"), FieldId::other);
    EXPECT_EQ(field_id(name.substr(1)), FieldId::other);
  }
  EXPECT_EQ(field_id(""), FieldId::other);
  EXPECT_EQ(field_id(std::string(1000, 'a')), FieldId::other);
}

// For every pair of octets and a length that takes each path, against the plain definition.
TEST(EqualsIgnoringCase, AgreesWithItsDefinition) {
  const auto lower = [](int octet) { return octet >= 'A' && octet <= 'Z' ? octet + 32 : octet; };
  for (const size_t size : {1U, 2U, 3U, 5U, 8U, 13U, 16U, 19U}) {
    std::string left(size, 'x');
    std::string right(size, 'X');
    for (int one = 0; one < 256; ++one) {
      for (int two = 0; two < 256; ++two) {
        left[size / 2] = static_cast<char>(one);
        right[size / 2] = static_cast<char>(two);
        ASSERT_EQ(equals_ignoring_case(left, right), lower(one) == lower(two))
            << size << ": " << one << ", " << two;
      }
    }
  }
  EXPECT_TRUE(equals_ignoring_case("", ""));
  EXPECT_FALSE(equals_ignoring_case("a", ""));
  EXPECT_FALSE(equals_ignoring_case("close", "closed"));
}

TEST(FieldList, FindsByIdAndName) {
  FieldList fields;
  fields.add("Accept", "a");
  fields.add("X-Name", "b");
  fields.add("ACCEPT", "c");
  EXPECT_EQ(fields.value(FieldId::accept), "a");
  EXPECT_EQ(fields.count(FieldId::accept), 2U);
  EXPECT_EQ(fields.find("x-name"), &fields[1]);
  EXPECT_EQ(fields.find(FieldId::host), nullptr);
  EXPECT_EQ(fields.find("x-nam"), nullptr);
  EXPECT_EQ(fields.value(FieldId::host), "");
}

TEST(NextListElement, SkipsWhatIsEmpty) {
  std::string_view rest = " ,, a , b\t,\t,c ,";
  std::string_view element;
  std::string seen;
  while (next_list_element(rest, element)) seen += "[" + std::string(element) + "]";
  EXPECT_EQ(seen, "[a][b][c]");
  rest = "";
  EXPECT_FALSE(next_list_element(rest, element));
}

}  // namespace
}  // namespace sluice
