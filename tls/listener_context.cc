// Putting a listener's certificates in order: which of them stand for which names, side by side
// where their keys are of different kinds.
#include "tls/listener_context.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <map>
#include <utility>

#include "tls/certificate_names.h"
#include "tls/client_policy.h"
#include "tls/digest.h"
#include "tls/identity.h"

namespace sluice::tls {

namespace {

constexpr size_t kKeyKinds = 3;
// Of each kind of key the number of a certificate, or kNone.
using Selection = std::array<uint32_t, kKeyKinds>;
constexpr uint32_t kNone = UINT32_MAX;

Selection nothing() noexcept {
  Selection selection;
  selection.fill(kNone);
  return selection;
}

bool same_keys(const TicketKeys& left, const TicketKeys& right) {
  const auto alike = [](const TicketKey& one, const TicketKey& other) {
    return one.name == other.name && one.mac == other.mac && one.cipher == other.cipher;
  };
  const std::shared_ptr<const TicketKeys::Ring> one = left.ring(), other = right.ring();
  return std::equal(one->begin(), one->end(), other->begin(), other->end(), alike);
}

// Where a host's name could be covered by a wildcard: "*" and what stands behind the first label,
// RFC 9525 section 6.3. A view of `room`; empty where there is none.
using Wildcard = std::array<char, 256>;
std::string_view wildcard_of(std::string_view name, Wildcard& room) noexcept {
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos || dot == 0 || name.size() - dot >= room.size()) return {};
  room[0] = '*';
  return {room.data(), 1 + name.copy(room.data() + 1, room.size() - 1, dot)};
}

}  // namespace

bool Choice::asks_like(const Choice& other) const noexcept {
  return clients->key() == other.clients->key();
}

// Used once, by make().
class ListenerContext::Building {
 public:
  Building(Parts&& parts, const ListenerContext* previous, ListenerContext& made)
      : parts_(std::move(parts)), previous_(previous), made_(made) {}

  // What is wrong, or an empty string.
  std::string run() {
    made_.tls_ = parts_.tls;
    made_.http2_ = parts_.http2;
    made_.tickets_ = tickets();
    if (std::string problem = make_policies(); !problem.empty()) return problem;
    make_identities();
    combine();
    return {};
  }

 private:
  // Those of before when they hold the same, so that what was made with them is kept.
  std::shared_ptr<TicketKeys> tickets() {
    const bool same = previous_ != nullptr && same_keys(*previous_->tickets_, *parts_.tickets);
    return same ? previous_->tickets_ : parts_.tickets;
  }

  std::string make_policies() {
    std::string problem;
    uint32_t number = 0;
    if (!add_policy(parts_.tls.client_certificates, number, problem)) return problem;
    for (const SitePolicy& site : parts_.sites) {
      if (!add_policy(site.clients, number, problem)) return problem;
      for (const std::string& host : site.hosts) made_.hosts_.add(host, number);
      if (site.is_default) made_.fallback_clients_ = number;
    }
    return {};
  }

  bool add_policy(const conf::ClientCertificates& wanted, uint32_t& number, std::string& problem) {
    std::shared_ptr<const ClientPolicy> policy = ClientPolicy::make(wanted, problem);
    if (!policy) return false;
    const auto known = std::find_if(policies_.begin(), policies_.end(), [&](const auto& other) {
      return other->key() == policy->key();
    });
    number = static_cast<uint32_t>(known - policies_.begin());
    if (known == policies_.end()) policies_.push_back(std::move(policy));
    return true;
  }

  void make_identities() {
    std::map<std::string, Selection, std::less<>> by_name;
    for (uint32_t i = 0; i < parts_.certificates.size(); ++i) {
      const Certificate& one = *parts_.certificates[i].certificate;
      for (const std::string& name : one.names())
        select(by_name.emplace(name, nothing()).first->second, i);
    }
    made_.fallback_identity_ = identity_of(default_selection());
    for (const auto& [name, selection] : by_name) {
      made_.names_.emplace(name, identity_of(selection));
    }
  }

  // The first of a kind stays.
  void select(Selection& selection, uint32_t number) const {
    const auto kind = static_cast<size_t>(parts_.certificates[number].certificate->kind());
    if (selection[kind] == kNone) selection[kind] = number;
  }

  Selection default_selection() const {
    Selection selection = nothing();
    for (uint32_t i = 0; i < parts_.certificates.size(); ++i) {
      if (parts_.certificates[i].is_default) select(selection, i);
    }
    if (selection != nothing()) return selection;
    // The first one, and what stands beside it for the same names.
    select(selection, 0);
    const std::vector<std::string>& names = parts_.certificates[0].certificate->names();
    for (uint32_t i = 1; i < parts_.certificates.size(); ++i) {
      if (parts_.certificates[i].certificate->names() == names) select(selection, i);
    }
    return selection;
  }

  uint32_t identity_of(const Selection& selection) {
    const auto [found, added] =
        numbers_.emplace(selection, static_cast<uint32_t>(identities_.size()));
    if (added) identities_.push_back(make_identity(selection));
    return found->second;
  }

  std::shared_ptr<const Identity> make_identity(const Selection& selection) const {
    Identity::Certificates certificates;
    for (const uint32_t number : selection) {
      if (number != kNone) certificates.push_back(parts_.certificates[number].certificate);
    }
    auto fresh =
        std::make_shared<Identity>(std::move(certificates), parts_.tls.policy, made_.tickets_);
    return like(std::move(fresh));
  }

  // The one of before that is like it, else `fresh`.
  std::shared_ptr<const Identity> like(std::shared_ptr<const Identity> fresh) const {
    if (previous_ == nullptr || previous_->tickets_ != made_.tickets_) return fresh;
    for (size_t i = 0; i < previous_->choices_.size(); i += previous_->policies_) {
      const std::shared_ptr<const Identity>& known = previous_->choices_[i].identity;
      if (known->key() == fresh->key() && known->source() == fresh->source()) return known;
    }
    return fresh;
  }

  void combine() {
    made_.policies_ = policies_.size();
    for (const std::shared_ptr<const Identity>& identity : identities_) {
      for (const std::shared_ptr<const ClientPolicy>& policy : policies_) {
        made_.choices_.push_back(
            {.identity = identity,
             .clients = policy,
             .session_context = digest_of(identity->source() + '\n' + policy->key())});
      }
    }
  }

  const Parts parts_;
  const ListenerContext* const previous_;
  ListenerContext& made_;
  std::vector<std::shared_ptr<const ClientPolicy>> policies_;
  std::vector<std::shared_ptr<const Identity>> identities_;
  std::map<Selection, uint32_t> numbers_;
};

std::shared_ptr<const ListenerContext> ListenerContext::make(Parts&& parts,
                                                             const ListenerContext* previous,
                                                             std::string& problem) {
  assert(!parts.certificates.empty() && parts.tickets);
  const std::shared_ptr<ListenerContext> made(new ListenerContext());
  problem = Building(std::move(parts), previous, *made).run();
  if (!problem.empty()) return nullptr;
  if (made->fallback().identity->context() != nullptr) return made;
  problem = "OpenSSL cannot make a context of " +
            made->fallback().identity->certificates().front()->chain_path();
  return nullptr;
}

ListenerContext::~ListenerContext() = default;

const uint32_t* ListenerContext::identity_of(std::string_view name) const noexcept {
  auto found = names_.find(name);
  if (found == names_.end()) {
    Wildcard room;
    const std::string_view wildcard = wildcard_of(name, room);
    if (!wildcard.empty()) found = names_.find(wildcard);
  }
  return found != names_.end() ? &found->second : nullptr;
}

const Choice* ListenerContext::choose(std::string_view name) const noexcept {
  if (name.empty()) return &fallback();
  const uint32_t* const identity = identity_of(name);
  if (identity == nullptr && tls_.refuse_unknown_names) return nullptr;
  return &at(identity != nullptr ? *identity : fallback_identity_, clients_of(name));
}

bool ListenerContext::takes(const Choice& negotiated, std::string_view host) const noexcept {
  const Choice* const wanted = choose(host);
  if (wanted == nullptr) return false;
  if (negotiated.is_like(*wanted)) return true;
  const bool is_ours = std::ranges::any_of(
      choices_, [&negotiated](const Choice& choice) { return &choice == &negotiated; });
  return !is_ours && negotiated.asks_like(*wanted) &&
         std::ranges::any_of(negotiated.identity->certificates(),
                             [host](const auto& one) { return covers(one->names(), host); });
}

size_t ListenerContext::clients_of(std::string_view name) const noexcept {
  const uint32_t* const found = hosts_.find(name);
  return found != nullptr ? *found : fallback_clients_;
}

std::string ListenerContext::nearest_name(std::string_view name) const {
  std::vector<std::string> names;
  names.reserve(names_.size());
  for (const auto& [known, identity] : names_) names.push_back(known);
  std::sort(names.begin(), names.end());
  return nearest(names, name);
}

}  // namespace sluice::tls
