#include "mqtt/text.hpp"

#include "mqtt/packet_testing.hpp"
#include "mqtt/topic.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace causeway::mqtt::text_test {
namespace {

using testing::octets_of;

std::string text_of(std::string_view hex) {
    return std::string(as_text(octets_of(hex)));
}

TEST(Utf8, TakesTheFirstAndTheLastOfEachLength) {
    // [MQTT-1.5.4-1] [MQTT 3.1.1 MQTT-1.5.3-1]
    for (const char* hex : {"", "01", "7f", "c2 80", "df bf", "e0 a0 80", "ed 9f bf", "ee 80 80",
                            "ef bf bd", "f0 90 80 80", "f4 8f bf bf"}) {
        EXPECT_TRUE(is_utf8_text(text_of(hex))) << hex;
    }
}

TEST(Utf8, RefusesWhatIsIllFormed) {
    // [MQTT-1.5.4-1] [MQTT 3.1.1 MQTT-1.5.3-1]
    for (const char* hex :
         {"80", "bf", "c0 80", "c1 bf", "c2", "c2 41", "e0 9f bf", "e0 a0", "e1 80 c0",
          "ed a0 80" /* U+D800 */, "ed bf bf" /* U+DFFF */, "ed a0 81 ed b0 80" /* CESU-8 */,
          "f0 8f bf bf", "f0 90 80", "f4 90 80 80" /* U+110000 */, "f5 80 80 80", "fe", "ff"}) {
        EXPECT_FALSE(is_utf8_text(text_of(hex))) << hex;
    }
}

TEST(Utf8, RefusesNullWhereverItStands) {
    // [MQTT-1.5.4-2] [MQTT 3.1.1 MQTT-1.5.3-2]
    for (std::size_t size = 1; size < 40; ++size) {
        for (std::size_t at = 0; at < size; ++at) {
            std::string text(size, 'x');
            EXPECT_TRUE(is_utf8_text(text));
            text[at] = '\0';
            EXPECT_FALSE(is_utf8_text(text)) << at << " of " << size;
        }
    }
}

TEST(Utf8, SeesABadOctetWhereverItStands) {
    for (std::size_t size = 1; size < 40; ++size) {
        for (std::size_t at = 0; at < size; ++at) {
            std::string text(size, '/');
            text[at] = '\xff';
            EXPECT_FALSE(is_utf8_text(text)) << at << " of " << size;
        }
    }
}

TEST(Utf8, KeepsAByteOrderMarkAsACharacter) {
    // [MQTT-1.5.4-3] [MQTT 3.1.1 MQTT-1.5.3-3]
    const Octets whole = testing::packet(0x30, "00 05 ef bb bf 'ab'");
    const auto publish = parse_publish(whole, testing::v3);
    ASSERT_TRUE(publish);
    EXPECT_EQ(publish->topic,
              "\xef\xbb\xbf"
              "ab");
    EXPECT_FALSE(matches("ab", publish->topic));
}

TEST(Utf8, LetsControlCharactersAndNoncharactersPass) {
    // They may be treated as malformed, and need not be [MQTT 5.0 §1.5.4].
    for (const char* hex : {"01", "1f", "7f", "c2 9f", "ef bf bf", "ef b7 90"}) {
        EXPECT_TRUE(is_utf8_text(text_of(hex))) << hex;
    }
}

TEST(TextTraits, SeeAWildcardWhereverItStands) {
    for (std::size_t size = 1; size < 40; ++size) {
        EXPECT_FALSE(traits_of(std::string(size, '"')).wildcard);  // '#' less one
        EXPECT_FALSE(traits_of(std::string(size, ',')).wildcard);  // '+' and one
        EXPECT_FALSE(traits_of(std::string(size, '\x63')).wildcard);
        for (std::size_t at = 0; at < size; ++at) {
            for (const char wildcard : {'+', '#'}) {
                std::string text(size, '/');
                text[at] = wildcard;
                EXPECT_TRUE(traits_of(text).wildcard) << at << " of " << size;
                EXPECT_TRUE(traits_of(text).well_formed);
            }
        }
    }
}

TEST(TextTraits, SeeAWildcardBesideOtherScripts) {
    const std::string text = "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e/#";
    EXPECT_TRUE(traits_of(text).wildcard);
    EXPECT_TRUE(traits_of(text).well_formed);
    EXPECT_FALSE(traits_of("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e/x").wildcard);
}

}  // namespace
}  // namespace causeway::mqtt::text_test
