// Fields that are kept stay when what they were read from is gone.
#include "server/http/kept_fields.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::http {
namespace {

TEST(KeptFields, OutliveWhatTheyWereReadFrom) {
  KeptFields kept;
  {
    std::string name = "Some-Name";
    std::string value = "a value that no short string holds within itself";
    FieldList fields;
    fields.add(name, value);
    fields.add("Content-Type", "", FieldId::content_type);
    kept.add(fields);
    name.assign(name.size(), '?');
    value.assign(value.size(), '?');
  }
  ASSERT_EQ(kept.list().size(), 2U);
  EXPECT_EQ(kept.list()[0].name, "Some-Name");
  EXPECT_EQ(kept.list()[0].value, "a value that no short string holds within itself");
  EXPECT_EQ(kept.list()[1].name, "Content-Type");
  EXPECT_EQ(kept.list()[1].value, "");
  EXPECT_EQ(kept.list()[1].id, FieldId::content_type);
}

// The texts move when there are more of them; the fields must not notice.
TEST(KeptFields, StayWhenMoreAreAdded) {
  KeptFields kept;
  for (int i = 0; i < 100; ++i) {
    FieldList fields;
    const std::string value = std::to_string(i);
    fields.add("N", value);
    kept.add(fields);
  }
  ASSERT_EQ(kept.list().size(), 100U);
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(kept.list()[static_cast<size_t>(i)].value, std::to_string(i));
  kept.clear();
  EXPECT_TRUE(kept.list().empty());
}

}  // namespace
}  // namespace sluice::http
