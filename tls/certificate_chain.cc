// At most ten certificates are compared, each with each: signatures are checked, names alone do not
// count.
#include "tls/certificate_chain.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "tls/certificate_facts.h"
#include "tls/openssl.h"

namespace sluice::tls {

namespace {

using Chain = std::vector<X509*>;
using Order = std::vector<size_t>;

bool has_key(X509* certificate, const EVP_PKEY* key) {
  EVP_PKEY* const own = X509_get0_pubkey(certificate);
  const bool alike = key != nullptr && own != nullptr && EVP_PKEY_eq(own, key) == 1;
  ERR_clear_error();
  return alike;
}

bool issues_another(const Chain& chain, size_t index) {
  for (size_t i = 0; i < chain.size(); ++i)
    if (i != index && issues(chain[index], chain[i])) return true;
  return false;
}

// The server's own: the key's, or the first that issues none of the others.
size_t find_leaf(const Chain& chain, const EVP_PKEY* key) {
  for (size_t i = 0; i < chain.size(); ++i)
    if (has_key(chain[i], key)) return i;
  for (size_t i = 0; i < chain.size(); ++i)
    if (!issues_another(chain, i)) return i;
  return 0;
}

bool contains(const Order& order, size_t index) {
  return std::ranges::find(order, index) != order.end();
}

// Which of those that are not in `order` yet issued its last.
std::optional<size_t> find_next(const Chain& chain, const Order& order) {
  for (size_t i = 0; i < chain.size(); ++i)
    if (!contains(order, i) && issues(chain[i], chain[order.back()])) return i;
  return std::nullopt;
}

// From `leaf` on, each one issuing the one before.
Order follow(const Chain& chain, size_t leaf) {
  Order order{leaf};
  while (const std::optional<size_t> next = find_next(chain, order)) order.push_back(*next);
  return order;
}

std::optional<std::pair<size_t, size_t>> find_duplicate(const Chain& chain) {
  for (size_t i = 0; i < chain.size(); ++i)
    for (size_t j = i + 1; j < chain.size(); ++j)
      if (X509_cmp(chain[i], chain[j]) == 0) return std::pair(i, j);
  return std::nullopt;
}

// The first that does not issue the one before it.
std::optional<size_t> find_break(const Chain& chain) {
  for (size_t i = 1; i < chain.size(); ++i)
    if (!issues(chain[i], chain[i - 1])) return i;
  return std::nullopt;
}

std::string text_of_order(const Chain& chain, const Order& order) {
  std::string text;
  for (const size_t index : order) {
    if (!text.empty()) text += ", then ";
    text += std::to_string(index + 1) + " (" + quoted_subject(chain[index]) + ")";
  }
  return text;
}

CertificateProblem problem_of_break(const Chain& chain, const EVP_PKEY* key, size_t at,
                                    const std::string& path) {
  const Order order = follow(chain, find_leaf(chain, key));
  if (order.size() == chain.size())
    return {CertificateFlaw::chain_order, true,
            path + ": the certificates are out of order: " + describe_member(chain, at) +
                " did not issue the one before it. The server's own comes first, each next one "
                "issues the one before: put them as they are numbered now, " +
                text_of_order(chain, order)};
  // The one at the break, where that is it; else the first.
  size_t extra = at;
  for (size_t i = 0; contains(order, extra); ++i) extra = i;
  return {CertificateFlaw::unrelated, true,
          path + ": " + describe_member(chain, extra) + " is not part of the chain of " +
              describe_member(chain, order.front()) +
              ": remove it, or put what it issued before it. The chain is " +
              text_of_order(chain, order)};
}

// An issuer that is no authority makes clients refuse all below it (RFC 5280 section 4.2.1.9).
void check_authorities(const Chain& chain, const std::string& path, CertificateProblems& problems) {
  for (size_t i = 1; i < chain.size(); ++i) {
    if (X509_check_ca(chain[i]) != 0) continue;
    problems.push_back({CertificateFlaw::no_authority, true,
                        path + ": " + describe_member(chain, i) +
                            " issued the one before it, but is not an authority's "
                            "(basicConstraints CA:TRUE): clients refuse the chain"});
    return;
  }
}

// The most frequent mistake with certificates that are otherwise right: the server's alone is
// given, and works with the browsers that fetch or remember the missing one.
void check_complete(X509* leaf, const std::string& path, CertificateProblems& problems) {
  if (is_self_signed(leaf) || X509_get_ext_by_NID(leaf, NID_info_access, -1) < 0) return;
  problems.push_back(
      {CertificateFlaw::incomplete, false,
       path + ": holds the server's certificate alone, which \"" +
           text_of_name(X509_get_issuer_name(leaf)) +
           "\" issued: many clients need that one's certificate too. Append it, or give the file "
           "that has both (\"fullchain.pem\" as certbot calls it)"});
}

}  // namespace

std::string describe_member(const Chain& chain, size_t index) {
  std::string position = "the certificate";
  if (chain.size() > 1)
    position = "certificate " + std::to_string(index + 1) + " of " + std::to_string(chain.size());
  return position + " (" + quoted_subject(chain[index]) + ")";
}

bool ends_with_root(const Chain& chain) { return chain.size() > 1 && is_self_signed(chain.back()); }

void check_chain(const Chain& chain, const EVP_PKEY* key, const std::string& path,
                 CertificateProblems& problems) {
  if (const auto same = find_duplicate(chain)) {
    problems.push_back({CertificateFlaw::duplicate, true,
                        path + ": " + describe_member(chain, same->second) + " is number " +
                            std::to_string(same->first + 1) + " once more: remove one of them"});
  } else if (const auto at = find_break(chain)) {
    problems.push_back(problem_of_break(chain, key, *at, path));
  } else if (chain.size() > 1) {
    check_authorities(chain, path, problems);
  } else {
    check_complete(chain.front(), path, problems);
  }
}

}  // namespace sluice::tls
