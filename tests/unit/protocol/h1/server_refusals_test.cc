// Requests that must be refused, by the rules of SECURITY section 1, cut at every offset: status,
// cause and limit.
#include <gtest/gtest.h>

#include "unit/protocol/h1/recorder.h"

namespace sluice::h1 {
namespace {

struct Case {
  const char* name;
  std::string octets;
  std::string refusal;
};

// Prints the case's name in gtest's output instead of its bytes.
void PrintTo(const Case& value, std::ostream* out) { *out << value.name; }

class Refusal : public testing::TestWithParam<Case> {};

TEST_P(Refusal, IsTheSameHoweverTheOctetsArrive) {
  EXPECT_EQ(refusal(GetParam().octets), GetParam().refusal);
}

std::string get(std::string_view fields) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}
std::string line(std::string_view request_line) {
  return std::string(request_line) + "\r\nHost: a\r\n\r\n";
}
std::string chunked(std::string_view content) {
  return "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(content);
}

const std::string kNul(1, '\0');

INSTANTIATE_TEST_SUITE_P(
    RequestLine, Refusal,
    testing::Values(
        Case{"tls", "\x16\x03\x01\x02", "400 octet that cannot start a request []"},
        Case{"space_first", " GET / HTTP/1.1\r\n", "400 octet that cannot start a request []"},
        Case{"two_blank_lines", "\r\n\r\nGET", "400 octet that cannot start a request []"},
        Case{"lf_first", "\nGET", "400 octet that cannot start a request []"},
        Case{"cr_first", "\rGET", "400 octet that cannot start a request []"},
        Case{"bare_lf", "GET / HTTP/1.1\nHost: a\n\n", "400 LF without CR []"},
        Case{"bare_cr", "GET / HTTP/1.1\rHost", "400 CR without LF []"},
        Case{"nul", "GET /" + kNul + " HTTP/1.1\r\n", "400 control octet in the head []"},
        Case{"tab", "GET\t/ HTTP/1.1\r\n", "400 control octet in the head []"},
        Case{"no_target", line("GET"), "400 no target in the request line []"},
        Case{"http_0_9", line("GET /"), "400 no version in the request line []"},
        Case{"two_spaces", line("GET  / HTTP/1.1"), "400 malformed HTTP version []"},
        Case{"space_in_target", line("GET /a b HTTP/1.1"), "400 malformed HTTP version []"},
        Case{"space_after", line("GET / HTTP/1.1 "), "400 malformed HTTP version []"},
        Case{"lower_version", line("GET / http/1.1"), "400 malformed HTTP version []"},
        Case{"other_protocol", line("GET / ICAP/1.0"), "400 malformed HTTP version []"},
        Case{"http_1_10", line("GET / HTTP/1.10"), "400 malformed HTTP version []"},
        Case{"http_1_2", line("GET / HTTP/1.2"), "505 HTTP version not supported []"},
        Case{"http_2", line("PRI * HTTP/2.0"), "505 HTTP version not supported []"},
        Case{"bad_method", line("G(T / HTTP/1.1"), "400 malformed method []"},
        Case{"unknown_method", line("BREW / HTTP/1.1"), "501 method not implemented []"},
        Case{"lower_method", line("get / HTTP/1.1"), "501 method not implemented []"},
        Case{"rtsp_method", line("DESCRIBE / HTTP/1.1"), "501 method not implemented []"},
        Case{"fragment", line("GET /#a HTTP/1.1"), "400 malformed target []"},
        Case{"eight_bit", line("GET /\xc3\xa9 HTTP/1.1"), "400 malformed target []"},
        Case{"relative", line("GET a/b HTTP/1.1"), "400 malformed target []"},
        Case{"userinfo", line("GET http://u@a/ HTTP/1.1"), "400 malformed target []"},
        Case{"empty_authority", line("GET http:///x HTTP/1.1"), "400 malformed target []"},
        Case{"wild_port", line("GET http://a:99999/ HTTP/1.1"), "400 malformed target []"},
        Case{"get_asterisk", line("GET * HTTP/1.1"), "400 asterisk target without OPTIONS []"},
        Case{"get_authority", line("GET a:80 HTTP/1.1"),
             "400 target form does not suit the method []"},
        Case{"connect_path", line("CONNECT / HTTP/1.1"),
             "400 target form does not suit the method []"},
        Case{"connect_no_port", line("CONNECT a HTTP/1.1"), "400 CONNECT without a port []"},
        Case{"connect_empty_port", line("CONNECT a: HTTP/1.1"), "400 CONNECT without a port []"},
        Case{"connect_with_content",
             "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 1\r\n\r\n",
             "400 content in a CONNECT request []"}));

INSTANTIATE_TEST_SUITE_P(
    Fields, Refusal,
    testing::Values(
        Case{"folded", get("X: a\r\n b\r\n"), "400 folded field line []"},
        Case{"folded_first", "GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", "400 folded field line []"},
        Case{"empty_name", get(": a\r\n"), "400 empty field name []"},
        Case{"no_colon", get("Header\r\n"), "400 bad octet in a field name []"},
        Case{"space_before_colon", get("X : a\r\n"), "400 space before the colon []"},
        Case{"tab_before_colon", get("X\t: a\r\n"), "400 space before the colon []"},
        Case{"bad_name", get("X(Y): a\r\n"), "400 bad octet in a field name []"},
        Case{"bad_name_start", get("(X): a\r\n"), "400 field line starts with a bad octet []"},
        Case{"nul", get("X: a" + kNul + "\r\n"), "400 control octet in the head []"},
        Case{"del", get("X: a\x7f\r\n"), "400 control octet in the head []"},
        Case{"escape", get("X: \x1b[0m\r\n"), "400 control octet in the head []"},
        Case{"bare_cr", get("X: a\rb\r\n"), "400 CR without LF []"},
        Case{"bare_lf", get("X: a\nY: b\r\n"), "400 LF without CR []"},
        Case{"lf_ends_head", "GET / HTTP/1.1\r\nHost: a\r\n\n", "400 LF without CR []"},
        Case{"cr_x_ends_head", "GET / HTTP/1.1\r\nHost: a\r\n\rX", "400 CR without LF []"},
        Case{"no_host", "GET / HTTP/1.1\r\n\r\n", "400 no Host []"},
        Case{"two_hosts", get("host: a\r\n"), "400 more than one Host []"},
        Case{"empty_host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "400 malformed Host []"},
        Case{"host_list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "400 malformed Host []"},
        Case{"host_path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400 malformed Host []"},
        Case{"host_user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "400 malformed Host []"},
        Case{"host_port", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", "400 malformed Host []"},
        Case{"host_differs", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
             "400 Host differs from the target's authority []"},
        Case{"port_differs", "GET http://a/ HTTP/1.1\r\nHost: a:8080\r\n\r\n",
             "400 Host differs from the target's authority []"},
        Case{"names_host", get("Connection: Host\r\n"),
             "400 Connection names a field it may not []"},
        Case{"names_length", get("Connection: close, content-length\r\n"),
             "400 Connection names a field it may not []"},
        Case{"names_cookie", get("Connection: cookie\r\n"),
             "400 Connection names a field it may not []"},
        Case{"names_forwarded", get("Connection: X-Forwarded-For\r\n"),
             "400 Connection names a field it may not []"},
        Case{"connection_quoted", get("Connection: \"close\"\r\n"), "400 malformed Connection []"},
        Case{"connection_many", get("Connection: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q\r\n"),
             "400 too many Connection options []"},
        Case{"expectation", get("Expect: 200-ok\r\n"), "417 unknown expectation []"},
        Case{"expectations", get("Expect: 100-continue, x\r\n"), "417 unknown expectation []"}));

INSTANTIATE_TEST_SUITE_P(
    ContentFraming, Refusal,
    testing::Values(
        Case{"te_and_length", get("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"),
             "400 both Transfer-Encoding and Content-Length []"},
        Case{"te_in_1_0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
             "400 Transfer-Encoding in HTTP/1.0 []"},
        Case{"te_twice", get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
             "400 more than one Transfer-Encoding []"},
        Case{"te_empty", get("Transfer-Encoding:\r\n"), "400 malformed Transfer-Encoding []"},
        Case{"te_comma", get("Transfer-Encoding: , chunked\r\n"),
             "400 malformed Transfer-Encoding []"},
        Case{"te_list", get("Transfer-Encoding: chunked, chunked\r\n"),
             "400 malformed Transfer-Encoding []"},
        Case{"te_identity", get("Transfer-Encoding: identity\r\n"),
             "400 malformed Transfer-Encoding []"},
        Case{"te_unknown", get("Transfer-Encoding: xchunked\r\n"),
             "400 malformed Transfer-Encoding []"},
        Case{"te_not_last", get("Transfer-Encoding: chunked, gzip\r\n"),
             "400 malformed Transfer-Encoding []"},
        Case{"te_tab", get("Transfer-Encoding: chunked\t\r\n"),
             "400 malformed Transfer-Encoding []"},
        Case{"te_gzip", get("Transfer-Encoding: gzip, chunked\r\n"),
             "501 transfer coding not implemented []"},
        Case{"te_deflate", get("Transfer-Encoding: deflate\r\n"),
             "501 transfer coding not implemented []"},
        Case{"length_twice", get("Content-Length: 1\r\nContent-Length: 1\r\n"),
             "400 more than one Content-Length []"},
        Case{"length_list", get("Content-Length: 1, 1\r\n"), "400 malformed Content-Length []"},
        Case{"length_sign", get("Content-Length: +1\r\n"), "400 malformed Content-Length []"},
        Case{"length_minus", get("Content-Length: -1\r\n"), "400 malformed Content-Length []"},
        Case{"length_hex", get("Content-Length: 0x1\r\n"), "400 malformed Content-Length []"},
        Case{"length_space", get("Content-Length: 1 1\r\n"), "400 malformed Content-Length []"},
        Case{"length_tab", get("Content-Length: 1\t\r\n"), "400 HTAB after Content-Length []"},
        Case{"length_blank_tab", get("Content-Length: 1 \t \r\n"),
             "400 HTAB after Content-Length []"},
        Case{"te_blank_tab", get("Transfer-Encoding: chunked \t\r\n"),
             "400 malformed Transfer-Encoding []"},
        Case{"length_empty", get("Content-Length:\r\n"), "400 empty Content-Length []"},
        Case{"length_2_64", get("Content-Length: 18446744073709551616\r\n"),
             "413 Content-Length beyond the cap [body]"},
        Case{"length_2_63", get("Content-Length: 9223372036854775808\r\n"),
             "413 Content-Length beyond the cap [body]"}));

INSTANTIATE_TEST_SUITE_P(
    ChunkedContent, Refusal,
    testing::Values(
        Case{"not_hex", chunked("g\r\n"), "400 malformed chunk size []"},
        Case{"empty_size", chunked("\r\n"), "400 malformed chunk size []"},
        Case{"sign", chunked("+1\r\n"), "400 malformed chunk size []"},
        Case{"prefix", chunked("0x1\r\n"), "400 malformed chunk line []"},
        Case{"seventeen_digits", chunked("00000000000000001\r\n"), "400 malformed chunk size []"},
        Case{"space_after_size", chunked("1 \r\nx\r\n"), "400 malformed chunk line []"},
        Case{"lf_line", chunked("1\nx\r\n"), "400 malformed chunk line []"},
        Case{"cr_line", chunked("1\rx\r\n"), "400 malformed chunk line []"},
        Case{"empty_extension", chunked("1;\r\nx\r\n"), "400 malformed chunk extension []"},
        Case{"bad_extension", chunked("1;a=\r\nx\r\n"), "400 malformed chunk extension []"},
        Case{"lf_in_quotes", chunked("1;a=\"\n\"\r\nx\r\n"), "400 malformed chunk extension []"},
        Case{"open_quote", chunked("1;a=\"\\\"\r\nx\r\n"), "400 malformed chunk extension []"},
        Case{"cr_in_pair", chunked("1;a=\"\\\r\n\"\r\nx\r\n"), "400 malformed chunk extension []"},
        Case{"data_too_long", chunked("1\r\nxy\r\n"), "400 chunk data longer than its size []"},
        Case{"data_with_lf", chunked("1\r\nx\n0\r\n\r\n"),
             "400 chunk data longer than its size []"},
        Case{"data_without_crlf", chunked("1\r\nx0\r\n\r\n"),
             "400 chunk data longer than its size []"},
        Case{"trailer_folded", chunked("0\r\nX: a\r\n b\r\n\r\n"), "400 folded field line []"},
        Case{"trailer_lf", chunked("0\r\n\n"), "400 LF without CR []"},
        Case{"trailer_cr_x", chunked("0\r\n\rX"), "400 CR without LF []"},
        Case{"trailer_length", chunked("0\r\nContent-Length: 1\r\n\r\n"),
             "400 framing field in the trailers []"},
        Case{"trailer_te", chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n"),
             "400 framing field in the trailers []"}));

TEST(ServerRefusals, DoNotSpoilTheRequestsBefore) {
  EXPECT_EQ(requests("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2\r\n"),
            "request GET /1 path=/1 authority=a HTTP/1.1\nend\npersists\n"
            "reset 400 no version in the request line []\n");
}

TEST(ServerRefusals, AreFinal) {
  ServerReader reader;
  reader.read("\x01");
  reader.events();
  EXPECT_EQ(reader.codec.reading(), Reading::failed);
  reader.read("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  reader.finish();
  EXPECT_EQ(reader.events(), "");
}

}  // namespace
}  // namespace sluice::h1
