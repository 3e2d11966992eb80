// Targets (RFC 9112 section 3.2), normal forms (RFC 3986 section 6.2.2) and file names (RFC 3629).
#include "protocol/target.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

Target parsed(std::string_view text) {
  Target target;
  EXPECT_TRUE(parse_target(text, target)) << text;
  return target;
}

bool refused(std::string_view text) {
  Target target;
  return !parse_target(text, target);
}

std::string normalized(std::string_view path) {
  std::string out(path.size() + 1, '\0');
  out.resize(normalize_path(path, out));
  EXPECT_EQ(is_normalized(path), out == path) << path;
  EXPECT_TRUE(is_normalized(out)) << path << " -> " << out;
  return out;
}

// The decoded path, or "refused".
std::string decoded(std::string_view path) {
  std::string out(path.size(), '\0');
  size_t length = 0;
  if (!decode_path(path, out, length)) return "refused";
  out.resize(length);
  return out;
}

TEST(ParseTarget, SplitsTheOriginForm) {
  const Target target = parsed("/a/b%20c;v=1?q=/?&x");
  EXPECT_EQ(target.form, TargetForm::origin);
  EXPECT_EQ(target.path, "/a/b%20c;v=1");
  EXPECT_EQ(target.query, "q=/?&x");
  EXPECT_TRUE(target.has_query);
  EXPECT_TRUE(parsed("/?").has_query);
  EXPECT_FALSE(parsed("/").has_query);
  EXPECT_EQ(parsed("//double").path, "//double");
}

TEST(ParseTarget, SplitsTheAbsoluteForm) {
  const Target target = parsed("hTTp://Example.com:8080/x?y");
  EXPECT_EQ(target.form, TargetForm::absolute);
  EXPECT_EQ(target.scheme, "hTTp");
  EXPECT_EQ(target.authority, "Example.com:8080");
  EXPECT_EQ(target.path, "/x");
  EXPECT_EQ(target.query, "y");
  EXPECT_EQ(parsed("https://a").path, "/");
  EXPECT_EQ(parsed("http://a?q").path, "/");
  EXPECT_EQ(parsed("http://a?q").query, "q");
}

TEST(ParseTarget, KnowsTheOtherForms) {
  EXPECT_EQ(parsed("*").form, TargetForm::asterisk);
  const Target target = parsed("example.com:443");
  EXPECT_EQ(target.form, TargetForm::authority);
  EXPECT_EQ(target.authority, "example.com:443");
  EXPECT_EQ(parsed("[2001:db8::1]:443").form, TargetForm::authority);
}

TEST(ParseTarget, RefusesWhatIsNoTarget) {
  for (const std::string_view text : {"",
                                      "a/b",
                                      "?q",

                                      "*/",
                                      "/a#b",
                                      "/a?b#c",
                                      "/a b",
                                      "/%",
                                      "/%4",
                                      "/%4g",
                                      "/a?%zz",
                                      "/\x7f",
                                      "/\x80",
                                      "/a\tb",
                                      "/<a>",
                                      "/\"a\"",
                                      "/a\\b",
                                      "/{a}",
                                      "/a`b",
                                      "/?<",
                                      "http:///x",
                                      "http://",
                                      "http://u@a/",
                                      "http://u:p@a/",
                                      "http://a:b/",
                                      "http://a:65536/",
                                      "http://a:1:2/",
                                      "http://[::1/",
                                      "http://[::g]/",
                                      "http://[]/",
                                      "http://[v1.a]/",
                                      "http://[fe80::1%25eth0]/",
                                      "http://a b/",
                                      "ftp://a/",
                                      "httpx://a/",
                                      "http:/a",
                                      "javascript:x",
                                      "http://a#f"}) {
    EXPECT_TRUE(refused(text)) << text;
  }
  EXPECT_TRUE(refused(std::string_view("/a\0b", 4)));
}

TEST(ParseTarget, AcceptsWhatBrowsersSendUnencoded) {
  EXPECT_EQ(parsed("/a[1]|b^c?x[]=1&y={z}|\\`^").query, "x[]=1&y={z}|\\`^");
}

TEST(ValidAuthority, TakesHostAndPort) {
  for (const std::string_view text :
       {"a", "example.com", "EXAMPLE.com:80", "127.0.0.1", "127.0.0.1:0", "[::1]", "[::1]:65535",
        "[::ffff:1.2.3.4]", "a-b_c.d~e", "a!$&'()*+,;=", "%41", "a:"}) {
    EXPECT_TRUE(valid_authority(text)) << text;
  }
  for (const std::string_view text :
       {"", ":80", "a:65536", "a:000080", "a:-1", "a:+1", "a: 80", "a b", "u@a", "a/", "a?", "a#",
        "[::1", "::1", "[::1]x", "[1.2.3.4]", "%4", "\x80", "a\\b"}) {
    EXPECT_FALSE(valid_authority(text)) << text;
  }
  EXPECT_FALSE(valid_authority(std::string_view("[::1\0]", 6)));
  EXPECT_FALSE(valid_authority("[" + std::string(1000, ':') + "]"));
}

TEST(SameAuthority, ComparesWithoutCaseAndWithDefaultPorts) {
  EXPECT_TRUE(same_authority("A.example", "a.EXAMPLE:80", 80));
  EXPECT_TRUE(same_authority("a:", "a", 80));
  EXPECT_TRUE(same_authority("[::1]:443", "[::1]", 443));
  EXPECT_FALSE(same_authority("a:443", "a", 80));
  EXPECT_FALSE(same_authority("a:1", "a:2", 80));
  EXPECT_FALSE(same_authority("a", "b", 80));
  EXPECT_EQ(authority_port("a:8080", 80), 8080U);
  EXPECT_EQ(authority_port("[::1]", 80), 80U);
}

TEST(NormalizePath, DecodesUnreservedOctets) {
  EXPECT_EQ(normalized("/%7Euser/%61%2D%5f"), "/~user/a-_");
  EXPECT_EQ(normalized("/a%2fb%5cc%2e%00%e4"), "/a%2Fb%5Cc.%00%E4");
  EXPECT_EQ(normalized("/plain.html"), "/plain.html");
  EXPECT_EQ(normalized("/%2525"), "/%2525") << "decoded once only";
  EXPECT_EQ(normalized("/%25%32%65"), "/%252e") << "no new percent-encoding arises";
}

TEST(NormalizePath, RemovesDotSegments) {
  EXPECT_EQ(normalized("/a/b/c/./../../g"), "/a/g");
  EXPECT_EQ(normalized("/."), "/");
  EXPECT_EQ(normalized("/.."), "/");
  EXPECT_EQ(normalized("/../../../etc"), "/etc");
  EXPECT_EQ(normalized("/a/.."), "/");
  EXPECT_EQ(normalized("/a/b/.."), "/a/");
  EXPECT_EQ(normalized("/a/."), "/a/");
  EXPECT_EQ(normalized("/a/%2e%2E/b"), "/b");
  EXPECT_EQ(normalized("/a/.%2e/b"), "/b");
  EXPECT_EQ(normalized("//../a"), "/a");
  EXPECT_EQ(normalized("//a//./b//"), "//a//b//");
  EXPECT_EQ(normalized("/..a/.b/c../..."), "/..a/.b/c../...");
}

TEST(HasDotSegments, SeesEncodedOnes) {
  EXPECT_TRUE(has_dot_segments("/a/%2e"));
  EXPECT_TRUE(has_dot_segments("/%2E./a"));
  EXPECT_TRUE(has_dot_segments("/a/./b"));
  EXPECT_FALSE(has_dot_segments("/a.b/..c/d..%2e"));
  EXPECT_FALSE(has_dot_segments("/%2f.."));
}

TEST(DecodePath, DecodesOnce) {
  EXPECT_EQ(decoded("/a%20b"), "/a b");
  EXPECT_EQ(decoded("/%252e"), "/%2e");
  EXPECT_EQ(decoded("/%C3%A4"), "/ä");
  EXPECT_EQ(decoded(""), "");
}

TEST(DecodePath, RefusesSeparatorsAndNul) {
  for (const std::string_view path :
       {"/a%2Fb", "/a%2fb", "/a%5Cb", "/a%5cb", "/a%00", "/a\\b", "/%2"}) {
    EXPECT_EQ(decoded(path), "refused") << path;
  }
}

TEST(DecodePath, RefusesIllFormedUtf8) {
  for (const std::string_view path :
       {"/%80", "/%C0%AF", "/%C1%BF", "/%C3", "/%C3%28", "/%E0%80%AF", "/%E0%9F%BF", "/%ED%A0%80",
        "/%ED%BF%BF", "/%E2%82", "/%F0%80%80%AF", "/%F0%8F%BF%BF", "/%F4%90%80%80", "/%F5%80%80%80",
        "/%FF", "/%F0%9F%98"}) {
    EXPECT_EQ(decoded(path), "refused") << path;
  }
  for (const std::string_view path :
       {"/%C2%80", "/%DF%BF", "/%E0%A0%80", "/%ED%9F%BF", "/%EE%80%80", "/%EF%BF%BF",
        "/%F0%90%80%80", "/%F4%8F%BF%BF"}) {
    EXPECT_NE(decoded(path), "refused") << path;
  }
}

}  // namespace
}  // namespace sluice
