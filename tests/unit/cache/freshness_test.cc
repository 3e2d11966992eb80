// Cache-Control and Expires agree (RFC 9111 sections 5.2.2, 5.3), and a year is given only to names
// that carry a hash of their content.
#include "cache/freshness.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace sluice::cache {
namespace {

using Storing = Freshness::Storing;

std::string cache_control(const Freshness& freshness) {
  std::array<char, kCacheControlSize> room{};
  return std::string(write_cache_control(freshness, room));
}

TEST(Freshness, WritesCacheControlWithAnExpiresThatAgrees) {
  struct Case {
    Freshness freshness;
    std::string_view cache_control;
    std::string_view fixed_expires;
    std::optional<int64_t> expires_after;
  };
  const Case cases[] = {
      {{}, "", "", {}},
      {{.private_response = true}, "private", "", {}},
      {{.storing = Storing::no_store}, "no-store", kExpired, {}},
      {{.storing = Storing::no_store, .private_response = true}, "no-store", kExpired, {}},
      {{.storing = Storing::no_cache}, "no-cache", kExpired, {}},
      {{.storing = Storing::no_cache, .private_response = true}, "private, no-cache", kExpired, {}},
      {{.storing = Storing::max_age, .max_age = 0}, "max-age=0", "", 0},
      {{.storing = Storing::max_age, .max_age = 3600}, "max-age=3600", "", 3600},
      {{.storing = Storing::max_age, .max_age = 31'536'000, .immutable = true},
       "max-age=31536000, immutable",
       "",
       31'536'000},
      // An HTTP/1.0 cache would share it because of an Expires.
      {{.storing = Storing::max_age, .max_age = 60, .private_response = true},
       "private, max-age=60",
       "",
       {}},
      // RFC 9111 section 1.2.2: more than 2^31 cannot be told apart.
      {{.storing = Storing::max_age, .max_age = UINT64_MAX}, "max-age=2147483647", "", 2147483647},
      {{.storing = Storing::max_age,
        .max_age = UINT64_MAX,
        .immutable = true,
        .private_response = true},
       "private, max-age=2147483647, immutable",
       "",
       {}},
      // `immutable` means nothing without a lifetime.
      {{.storing = Storing::no_cache, .immutable = true}, "no-cache", kExpired, {}},
  };
  for (const Case& test : cases) {
    EXPECT_EQ(cache_control(test.freshness), test.cache_control);
    EXPECT_EQ(fixed_expires(test.freshness), test.fixed_expires) << test.cache_control;
    EXPECT_EQ(expires_after(test.freshness), test.expires_after) << test.cache_control;
  }
}

TEST(Freshness, AsksAboutHtmlEveryTime) {
  EXPECT_EQ(cache_control(built_in_freshness("/", "text/html; charset=utf-8")), "no-cache");
  EXPECT_EQ(cache_control(built_in_freshness("/a.xhtml", "application/xhtml+xml")), "no-cache");
  EXPECT_EQ(cache_control(built_in_freshness("/page.073c9b0a.html", "TEXT/HTML")), "no-cache");
}

TEST(Freshness, KeepsHashedNamesForAYear) {
  EXPECT_EQ(cache_control(built_in_freshness("/assets/main.073c9b0a.css", "text/css")),
            "max-age=31536000, immutable");
  EXPECT_EQ(cache_control(built_in_freshness("/assets/main.css", "text/css")), "");
}

TEST(Freshness, KnowsNamesThatCarryAHash) {
  const std::string_view yes[] = {
      // webpack and create-react-app
      "/static/js/main.073c9b0a.js",
      "/static/js/main.073c9b0a.chunk.js",
      "/static/css/main.f855e6bc.css.map",
      "/static/media/logo.6ce24c58023cc2f8fd88fe9d219db6c6.svg",
      "/js/app.31d6cfe0.min.js",
      "/2.3f5c1b7de9a04f6b8c2d.bundle.js",
      "/fonts/inter_5d41402abc4b2a76.woff2",
      // Rollup and older Vite
      "/assets/index-4c7d2f1b.js",
      "/assets/vendor.5bd3e8a1.mjs",
      "/assets/polyfills-legacy-8fe2c1d0.js",
      // Vite 5
      "/assets/index-BdKJ3oE_.js",
      "/assets/index-B7xk2Q9z.css",
      "/assets/react-CHdo91hT.svg",
      "/assets/about-D_x7Kq2R.js",
      // Parcel
      "/index.f3c4b2a1.js",
      "/hero.a1b2c3d4.avif",
      // esbuild
      "/chunk-R5K3J2Q7.js",
      // by hash of the whole, as Rails and Hugo name them
      "/application-d8e8fca2dc0f896fd7cb4cb0031ba249d8e8fca2dc0f896fd7cb4cb0031ba249.js",
      "/style.min.9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08.css",
  };
  for (const std::string_view path : yes) EXPECT_TRUE(names_content(path)) << path;
}

TEST(Freshness, TakesNothingElseForAHash) {
  const std::string_view no[] = {
      "",
      "/",
      "/index.html",
      "/app.js",
      "/assets/",
      "/main.073c9b0a.css/",
      "/073c9b0a/app.js",                                  // the folder's name, not the file's
      "/jquery-3.7.1.min.js",                              // versions
      "/lib-10203040.js",                                  //
      "/bootstrap.5.3.0-alpha1.css",                       //
      "/report-20231123.json",                             // dates
      "/photo-20231123a.jpg",                              //
      "/scan_20231123_104500.png",                         //
      "/IMG_20231123_104512345.jpg",                       //
      "/shot-2023-11-23.png",                              //
      "/dsc-a0000012.jpg",                                 // a counter behind a letter
      "/deadbeef.js",                                      // all of the name: may as well be a word
      "/cafe-deadbeef.js",                                 // no digit
      "/cat-facade12.png",                                 // a word and a number
      "/205e460b479e2e5b48aec07710c08d50.jpg",             // the hash of an address, say
      "/avatar-550e8400-e29b-41d4-a716-446655440000.png",  // UUID
      "/avatar-550E8400-E29B-41D4-A716-446655440000.png",  //
      "/upload-507f1f77bcf86cd799439011.jpg",              // MongoDB's identifiers
      "/hero-iPhone15.png",                                // names of things
      "/hero-iPadAir5.png",                                //
      "/hero-iPadPro12.png",                               //
      "/hero-MacBookPro.jpg",                              //
      "/view-UserList.js",                                 //
      "/chart-BarChart.js",                                //
      "/shim-Html5Api.js",                                 //
      "/photo-Vacation.jpg",                               //
      "/demo-4K60FPS2.png",                                //
      "/demo-4K60FPSv2.png",                               //
      "/photo-Galaxy9S.jpg",                               //
      "/logo-DarkMode.svg",                                //
      "/icon-JavaScript.svg",                              //
      "/notes-abcdefgh.css",                               //
      "/SKU-ABCD1234.png",                                 //
      "/build-4c7d2f1b.tar.gz",                            // not an asset
      "/invoice-4c7d2f1b.pdf",                             //
      "/main.073c9b0a",                                    // no extension
      "/main.073c9b0.js",                                  // seven digits
      "/.073c9b0a.js",                                     // no name before it... a hidden file
  };
  for (const std::string_view path : no) EXPECT_FALSE(names_content(path)) << path;
}

}  // namespace
}  // namespace sluice::cache
