// From decisions to heads and sources. Only several ranges cost allocations.
#include "server/http/representation_response.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cache/conditional.h"
#include "cache/multipart.h"
#include "cache/range.h"
#include "protocol/http_date.h"

namespace sluice::http {

namespace {

// Parts of a body one after the other, with the heads of multipart/byteranges between them. The
// parts' own sources are asked as if each were alone, so that what is a file range stays one.
class MultipartSource final : public BodySource {
 public:
  // Requires: a source for each range, and at least one.
  MultipartSource(cache::Multipart multipart, cache::RangeSet ranges,
                  std::vector<BodySourcePointer> sources)
      : multipart_(std::move(multipart)),
        ranges_(std::move(ranges)),
        sources_(std::move(sources)),
        text_(copy_of(multipart_.head(ranges_[0], true))) {}

  Pull pull(Chain& out, size_t max) override {
    const uint64_t before = out.size();
    if (text_.empty()) {
      const Pull result = sources_[part_]->pull(out, max);
      if (result != Pull::end) return result;
      sources_[part_++].reset();
      text_ = copy_of(part_ < sources_.size() ? multipart_.head(ranges_[part_], false)
                                              : multipart_.end());
      if (out.size() > before) return Pull::ready;
    }
    const size_t size = std::min(max, text_.size());
    out.append(text_.sub(0, size));
    text_ = text_.sub(size, text_.size() - size);
    return text_.empty() && part_ == sources_.size() ? Pull::end : Pull::ready;
  }
  std::optional<uint64_t> length() const override { return multipart_.total(ranges_.all()); }
  void cancel() override {
    for (BodySourcePointer& source : sources_) {
      if (source) source->cancel();
    }
  }

 private:
  const cache::Multipart multipart_;
  const cache::RangeSet ranges_;
  std::vector<BodySourcePointer> sources_;  // null when they have ended
  size_t part_ = 0;
  Slice text_;  // what is left of the head before that part, or of what ends the content
};

// One request, one representation: what the answers have in common.
class Answer {
 public:
  Answer(Exchange& exchange, const cache::Representation& representation, Ref<Owner> pin,
         StoredBody& body, int64_t now)
      : exchange_(exchange),
        representation_(representation),
        pin_(std::move(pin)),
        body_(body),
        now_(now) {}

  void decide() {
    const RequestHead& request = exchange_.request();
    if (!cache::has_conditions(request.fields)) return whole();
    const cache::Validators& current = representation_.validators();
    switch (cache::evaluate_preconditions(request.method, request.fields, current, now_)) {
      case cache::Precondition::not_modified:
        begin(304, representation_.not_modified_fields());
        return exchange_.respond();
      case cache::Precondition::failed:
        return respond_with_status(exchange_, 412, "a precondition of the request does not hold");
      case cache::Precondition::proceed:
        break;
    }
    const bool parts = request.method == Method::get && representation_.accepts_ranges() &&
                       cache::range_applies(request.fields, current, now_);
    return parts ? by_ranges() : whole();
  }

 private:
  // The fields that stay as they are, and the Expires of a response that is made now.
  void begin(int status, const PreparedFields& fields) {
    ResponseHead& head = exchange_.response();
    head.status = status;
    head.prepared = &fields;
    head.prepared_owner = std::move(pin_);
    if (const std::optional<int64_t> after = representation_.expires_after()) {
      const std::span<char, kHttpDateSize> room = exchange_.value_room().first<kHttpDateSize>();
      write_http_date(now_ + *after, room);
      head.fields.add("Expires", {room.data(), room.size()}, FieldId::other);
    }
  }

  // Behind the Expires, also that of an error page.
  std::span<char, cache::kContentRangeSize> content_range_room() {
    static_assert(kHttpDateSize + cache::kContentRangeSize <= Exchange::kValuesSize);
    return exchange_.value_room().subspan<kHttpDateSize, cache::kContentRangeSize>();
  }

  void whole() {
    begin(200, representation_.fields());
    exchange_.respond(body_.source(exchange_, 0, representation_.length(), true));
  }

  void by_ranges() {
    const conf::Limits& limits = exchange_.limits().values;
    const cache::RangeLimits allowed{.ranges = limits.ranges,
                                     .overlapping = limits.overlapping_ranges};
    cache::RangeSet ranges;
    switch (cache::select_ranges(exchange_.request().fields, representation_.length(), allowed,
                                 ranges)) {
      case cache::RangeVerdict::whole:
        return whole();
      case cache::RangeVerdict::unsatisfiable:
        return unsatisfiable();
      case cache::RangeVerdict::parts:
        return ranges.size() == 1 ? one_part(ranges[0]) : several_parts(std::move(ranges));
    }
  }

  void unsatisfiable() {
    exchange_.response().fields.add(
        "Content-Range",
        cache::write_unsatisfied_range(representation_.length(), content_range_room()),
        FieldId::other);
    respond_with_status(exchange_, 416, "no range lies within the representation");
  }

  void one_part(const cache::ByteRange& range) {
    begin(206, representation_.fields());
    exchange_.response().fields.add(
        "Content-Range",
        cache::write_content_range(range, representation_.length(), content_range_room()),
        FieldId::other);
    exchange_.respond(body_.source(exchange_, range.begin, range.end, true));
  }

  // The whole is a right answer too, should there be no random numbers for a boundary.
  void several_parts(cache::RangeSet ranges) {
    std::array<uint64_t, 2> random{};
    if (::getentropy(random.data(), sizeof(random)) != 0) return whole();
    begin(206, representation_.fields());
    cache::Multipart multipart(random, representation_.fields().fields.value(FieldId::content_type),
                               representation_.length());
    replace_content_type(multipart.content_type());
    std::vector<BodySourcePointer> sources;
    sources.reserve(ranges.size());
    for (const cache::ByteRange& range : ranges.all()) {
      sources.push_back(body_.source(exchange_, range.begin, range.end, false));
    }
    exchange_.respond(BodySourcePointer(
        new MultipartSource(std::move(multipart), std::move(ranges), std::move(sources))));
  }

  // The rendered fields cannot be used: each but Content-Type is named again. Its own moves to the
  // parts.
  void replace_content_type(std::string_view value) {
    ResponseHead& head = exchange_.response();
    head.prepared = nullptr;
    for (const Field& field : representation_.fields().fields) {
      if (field.id != FieldId::content_type) head.fields.add(field);
    }
    head.storage = copy_of(value);
    head.fields.add("Content-Type", head.storage.view(), FieldId::content_type);
  }

  Exchange& exchange_;
  const cache::Representation& representation_;
  Ref<Owner> pin_;
  StoredBody& body_;
  const int64_t now_;
};

}  // namespace

void respond_with_representation(Exchange& exchange, const cache::Representation& representation,
                                 Ref<Owner> pin, StoredBody& body, int64_t now) {
  Answer(exchange, representation, std::move(pin), body, now).decide();
}

}  // namespace sluice::http
