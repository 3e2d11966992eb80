// The octet classes of RFC 9110 section 5.6, octet by octet.
#include "protocol/grammar.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

TEST(Grammar, ClassifiesEveryOctet) {
  const std::string_view tchar =
      "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (int value = 0; value < 256; ++value) {
    const char octet = static_cast<char>(value);
    EXPECT_EQ(is_token_octet(octet), tchar.find(octet) != std::string_view::npos) << value;
    EXPECT_EQ(is_field_octet(octet), value == 9 || (value >= 32 && value != 127)) << value;
    EXPECT_EQ(is_hex_digit(octet), value < 128 && std::isxdigit(value)) << value;
  }
}

// Each octet at each place of texts of each length: the eight-at-a-time loop agrees with the table.
TEST(Grammar, FindsTheFirstOctetThatEndsAValue) {
  for (size_t size = 1; size <= 20; ++size) {
    for (size_t at = 0; at < size; ++at) {
      for (int value = 0; value < 256; ++value) {
        std::string text(size, '\xff');
        text[at] = static_cast<char>(value);
        if (at + 1 < size) text[at + 1] = '\r';
        const char* const end = text.data() + size;
        const size_t expected = is_field_octet(text[at]) ? std::min(at + 1, size) : at;
        ASSERT_EQ(static_cast<size_t>(skip_field_octets(text.data(), end) - text.data()), expected)
            << size << " " << at << " " << value;
      }
    }
  }
}

TEST(Grammar, FindsTheFirstOctetThatEndsAToken) {
  for (size_t size = 1; size <= 20; ++size) {
    for (size_t at = 0; at < size; ++at) {
      for (int value = 0; value < 256; ++value) {
        for (const char around : std::string_view("aZ-5")) {
          std::string text(size, around);
          text[at] = static_cast<char>(value);
          if (at + 1 < size) text[at + 1] = ':';
          const char* const end = text.data() + size;
          const size_t expected = is_token_octet(text[at]) ? std::min(at + 1, size) : at;
          ASSERT_EQ(static_cast<size_t>(skip_token(text.data(), end) - text.data()), expected)
              << size << " " << at << " " << value << " " << around;
        }
      }
    }
  }
}

TEST(Grammar, TrimsOnlyWhiteSpaceOfALine) {
  EXPECT_EQ(trim(" \ta b\t "), "a b");
  EXPECT_EQ(trim(" \t "), "");
  EXPECT_EQ(trim("\va"), "\va");
}

TEST(Grammar, KnowsHexadecimalDigits) {
  unsigned value = 0;
  for (const char digit : std::string_view("0123456789abcdef"))
    EXPECT_EQ(hex_value(digit), value++);
  EXPECT_EQ(hex_value('A'), 10U);
  EXPECT_EQ(hex_value('F'), 15U);
}

}  // namespace
}  // namespace sluice
