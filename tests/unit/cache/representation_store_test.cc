// The store keeps its budgets, drops whole entries, and tells the workers' indexes.
#include "cache/representation_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "cache/worker_index.h"

namespace sluice::cache {
namespace {

std::atomic<int> open_files{0};

class FakeFile final : public OpenFile {
 public:
  FakeFile() : OpenFile(-1, 100'000) { ++open_files; }

 private:
  ~FakeFile() override { --open_files; }
};

Ref<Entry> held(std::string key, std::string_view text) {
  Ref<SharedBody> body = Ref<SharedBody>::adopt(new SharedBody());
  body->append(text);
  return Ref<Entry>::adopt(
      new Entry(std::move(key), Representation::of_memory(200, {}, std::move(body))));
}

Ref<Entry> opened(std::string key) {
  return Ref<Entry>::adopt(new Entry(
      std::move(key), Representation::of_file(200, {}, Ref<OpenFile>::adopt(new FakeFile()))));
}

std::string text_of(const Pin& pin) {
  const SharedBody* body = pin.entry->representation().body();
  return std::string(body->read(Ref<Owner>(pin.handle.get()), 0, body->length()).view());
}

constexpr RepresentationStore::Budget kAmple{.bytes = 1 << 20, .descriptors = 100};

TEST(RepresentationStore, FindsWhatWasInserted) {
  RepresentationStore store(kAmple);
  EXPECT_FALSE(store.find("/a"));
  EXPECT_TRUE(store.insert(held("/a", "one")));
  const Ref<Entry> found = store.find("/a");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->key(), "/a");
  EXPECT_FALSE(found->dropped());
  EXPECT_EQ(store.bytes(), found->footprint());
  EXPECT_EQ(store.descriptors(), 0u);
}

TEST(RepresentationStore, ReplacesWhole) {
  RepresentationStore store(kAmple);
  store.insert(held("/a", "one"));
  const Ref<Entry> before = store.find("/a");
  store.insert(held("/a", "twotwo"));
  EXPECT_TRUE(before->dropped());
  const Ref<Entry> after = store.find("/a");
  EXPECT_EQ(after->representation().length(), 6u);
  EXPECT_EQ(store.entries(), 1u);
  EXPECT_EQ(store.bytes(), after->footprint());
}

TEST(RepresentationStore, DropsOnlyTheEntryItIsGiven) {
  RepresentationStore store(kAmple);
  store.insert(held("/a", "one"));
  const Ref<Entry> before = store.find("/a");
  store.insert(held("/a", "two"));
  store.drop(*before);
  EXPECT_TRUE(store.find("/a")) << "the one that took its place stays";
  store.drop(*store.find("/a"));
  EXPECT_FALSE(store.find("/a"));
  EXPECT_EQ(store.bytes(), 0u);
}

TEST(RepresentationStore, DropsAll) {
  RepresentationStore store(kAmple);
  for (int i = 0; i < 100; ++i) store.insert(held("/" + std::to_string(i), "x"));
  store.insert(opened("/file"));
  const uint64_t generation = store.generation();
  const Ref<Entry> one = store.find("/7");
  store.drop_all();
  EXPECT_TRUE(one->dropped());
  EXPECT_EQ(store.entries(), 0u);
  EXPECT_EQ(store.bytes(), 0u);
  EXPECT_EQ(store.descriptors(), 0u);
  EXPECT_EQ(open_files, 0);
  EXPECT_NE(store.generation(), generation);
}

TEST(RepresentationStore, KeepsItsByteBudget) {
  RepresentationStore store({.bytes = 100'000, .descriptors = 10});
  const std::string text(900, 'x');
  for (int i = 0; i < 1'000; ++i) {
    store.insert(held("/" + std::to_string(i), text));
    ASSERT_LE(store.bytes(), 100'000u);
  }
  EXPECT_GE(store.bytes(), 80'000u) << "a batch goes down to nine tenths, not further";
}

TEST(RepresentationStore, EvictsInBatches) {
  RepresentationStore store({.bytes = 100'000, .descriptors = 10});
  const std::string text(900, 'x');
  const uint64_t before = store.generation();
  for (int i = 0; i < 1'000; ++i) store.insert(held("/" + std::to_string(i), text));
  EXPECT_LT(store.generation() - before, 200u);
}

TEST(RepresentationStore, KeepsItsDescriptorBudget) {
  RepresentationStore store({.bytes = 1 << 20, .descriptors = 20});
  for (int i = 0; i < 10; ++i) store.insert(held("/held" + std::to_string(i), "x"));
  for (int i = 0; i < 100; ++i) {
    store.insert(opened("/" + std::to_string(i)));
    ASSERT_LE(store.descriptors(), 20u);
    ASSERT_LE(open_files, 20);
  }
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(store.find("/held" + std::to_string(i))) << "holds no descriptor";
  }
  store.evict_descriptors();
  EXPECT_LE(store.descriptors(), 10u);
  store.drop_all();
  EXPECT_EQ(open_files, 0);
}

TEST(RepresentationStore, SparesWhatIsUsed) {
  RepresentationStore store({.bytes = 100'000, .descriptors = 10});
  const std::string text(900, 'x');
  store.insert(held("/favourite", text));
  for (int i = 0; i < 2'000; ++i) {
    ASSERT_TRUE(store.find("/favourite")) << i;
    store.insert(held("/" + std::to_string(i), text));
  }
}

TEST(RepresentationStore, KeepsItsBudgetWhenAllIsUsed) {
  RepresentationStore store({.bytes = 20'000, .descriptors = 10});
  const std::string text(900, 'x');
  std::vector<Ref<Entry>> entries;
  for (int i = 0; i < 200; ++i) {
    for (const Ref<Entry>& entry : entries) entry->note_use();
    entries.push_back(held("/" + std::to_string(i), text));
    store.insert(entries.back());
    ASSERT_LE(store.bytes(), 20'000u);
  }
}

TEST(RepresentationStore, RefusesWhatIsLargerThanTheBudget) {
  RepresentationStore store({.bytes = 2'000, .descriptors = 0});
  store.insert(held("/small", "x"));
  EXPECT_FALSE(store.insert(held("/large", std::string(5'000, 'x'))));
  EXPECT_FALSE(store.insert(opened("/file")));
  EXPECT_TRUE(store.find("/small"));
  EXPECT_FALSE(store.insert(held("/small", std::string(5'000, 'x'))));
  EXPECT_FALSE(store.find("/small")) << "what it would have replaced is stale";
}

TEST(RepresentationStore, ScopesAreApart) {
  RepresentationStore store(kAmple);
  const auto of_scope = [](uint64_t scope, std::string_view text) {
    Ref<SharedBody> body = Ref<SharedBody>::adopt(new SharedBody());
    body->append(text);
    return Ref<Entry>::adopt(
        new Entry("/a", Representation::of_memory(200, {}, std::move(body)), scope));
  };
  store.insert(of_scope(1, "one"));
  store.insert(of_scope(2, "two"));
  const Ref<Entry> one = store.find("/a", 1);
  const Ref<Entry> two = store.find("/a", 2);
  ASSERT_TRUE(one && two);
  EXPECT_EQ(one->scope(), 1u);
  EXPECT_FALSE(store.find("/a", 3));
  const uint64_t generation = store.generation();
  store.drop_scope(1);
  EXPECT_TRUE(one->dropped());
  EXPECT_FALSE(two->dropped());
  EXPECT_NE(store.generation(), generation) << "indexes let go at once";
  EXPECT_EQ(store.bytes(), two->footprint());
}

TEST(WorkerIndex, PinsWhatItAdopts) {
  RepresentationStore store(kAmple);
  WorkerIndex index(store);
  EXPECT_EQ(index.find("/a"), nullptr);
  store.insert(held("/a", "one"));
  index.adopt(store.find("/a"));
  const Pin* found = index.find("/a");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(text_of(*found), "one");
}

TEST(WorkerIndex, ForgetsWhatIsReplaced) {
  RepresentationStore store(kAmple);
  WorkerIndex index(store);
  store.insert(held("/a", "one"));
  const Pin before = index.adopt(store.find("/a"));
  store.insert(held("/a", "two"));
  EXPECT_EQ(index.find("/a"), nullptr);
  EXPECT_EQ(text_of(before), "one") << "who still sends it keeps it";
  index.adopt(store.find("/a"));
  EXPECT_EQ(text_of(*index.find("/a")), "two");
}

TEST(WorkerIndex, AdoptsOverAnOlderEntry) {
  RepresentationStore store(kAmple);
  WorkerIndex index(store);
  store.insert(held("/a", "one"));
  index.adopt(store.find("/a"));
  index.adopt(held("/a", "two"));
  EXPECT_EQ(text_of(*index.find("/a")), "two");
  EXPECT_EQ(index.size(), 1u);
}

TEST(WorkerIndex, LetsGoWhenTheGenerationMoves) {
  RepresentationStore store(kAmple);
  WorkerIndex index(store);
  for (int i = 0; i < 20; ++i)
    index.adopt(
        (store.insert(opened("/" + std::to_string(i))), store.find("/" + std::to_string(i))));
  store.drop_all();
  EXPECT_EQ(open_files, 20);
  EXPECT_EQ(index.find("/none"), nullptr);
  EXPECT_EQ(open_files, 0);
  EXPECT_EQ(index.size(), 0u);
}

TEST(WorkerIndex, SweepsSingleDrops) {
  RepresentationStore store(kAmple);
  WorkerIndex index(store);
  store.insert(opened("/a"));
  index.adopt(store.find("/a"));
  index.sweep();
  EXPECT_EQ(index.size(), 1u);
  store.drop(*store.find("/a"));
  EXPECT_EQ(open_files, 1);
  index.sweep();
  EXPECT_EQ(open_files, 0);
}

TEST(WorkerIndex, DropsWhatItIsToldIsStale) {
  RepresentationStore store(kAmple);
  WorkerIndex index(store);
  WorkerIndex other(store);
  for (const char* key : {"/a", "/b"}) {
    store.insert(opened(key));
    index.adopt(store.find(key));
    other.adopt(store.find(key));
  }
  index.drop_if([](const Entry& entry) { return entry.key() == "/a"; });
  EXPECT_FALSE(store.find("/a"));
  EXPECT_TRUE(store.find("/b"));
  EXPECT_EQ(index.size(), 1u);
  other.sweep();
  EXPECT_EQ(open_files, 1);
}

TEST(WorkerIndex, ManyReplacementsReleaseTheirMemory) {
  RepresentationStore store({.bytes = 100'000, .descriptors = 10});
  WorkerIndex idle(store);
  const std::string text(900, 'x');
  for (int i = 0; i < 50; ++i) {
    store.insert(held("/" + std::to_string(i), text));
    idle.adopt(store.find("/" + std::to_string(i)));
  }
  for (int i = 0; i < 50; ++i) store.insert(held("/" + std::to_string(i), text));
  EXPECT_EQ(idle.find("/none"), nullptr);
  EXPECT_LT(idle.size(), 15u) << "at most a tenth of the budget stays pinned by who does not ask";
}

// DESIGN section 4: two workers stream one body while a third replaces it and a fourth evicts it.
TEST(RepresentationStoreThreads, StreamWhileOthersReplaceAndEvict) {
  RepresentationStore store({.bytes = 60'000, .descriptors = 4});
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> sent{0};
  auto version = [](int i) { return std::string(2'000, static_cast<char>('a' + i % 26)); };
  store.insert(held("/body", version(0)));
  auto stream = [&] {
    WorkerIndex index(store);
    for (int round = 0; !stop; ++round) {
      const Pin* pin = index.find("/body");
      if (pin == nullptr) {
        Ref<Entry> entry = store.find("/body");
        if (!entry) continue;
        pin = &index.adopt(std::move(entry));
      }
      const Pin mine = *pin;
      if (round % 64 == 0) index.sweep();
      const std::string text = text_of(mine);
      ASSERT_EQ(text, std::string(2'000, text[0])) << "one version, whole";
      sent.fetch_add(1, std::memory_order_relaxed);
    }
  };
  std::thread first(stream);
  std::thread second(stream);
  std::thread evictor([&] {
    for (int i = 0; !stop; ++i) {
      store.insert(held("/" + std::to_string(i % 100), std::string(1'500, 'z')));
      store.insert(opened("/open" + std::to_string(i % 10)));
      if (i % 50 == 0) store.drop_all();
    }
  });
  for (int i = 0; i < 2'000 || sent < 1'000; ++i) store.insert(held("/body", version(i)));
  stop = true;
  first.join();
  second.join();
  evictor.join();
  EXPECT_LE(store.bytes(), 60'000u);
  EXPECT_LE(store.descriptors(), 4u);
  store.drop_all();
  EXPECT_EQ(store.bytes(), 0u);
  EXPECT_EQ(open_files, 0);
}

}  // namespace
}  // namespace sluice::cache
