#include "coap/link_format.hpp"

#include <gtest/gtest.h>

namespace causeway::coap {
namespace {

Result<LinkFormat> read(std::string_view text) {
    return parse_as<LinkFormat>(as_octets(text));
}

TEST(LinkFormat, ReadsTheExamplesOfTheStandard) {  // [RFC 6690 §5]
    const auto document = read(
        "</sensors>;ct=40;title=\"Sensor Index\",\n"
        "</sensors/temp>;rt=\"temperature-c\";if=\"sensor\",\n"
        "</sensors/light>;rt=\"light-lux core.sen-light\";if=\"sensor\",\n"
        "<http://www.example.com/sensors/t123>;anchor=\"/sensors/temp\"\n"
        ";rel=\"describedby\",\n"
        "</t>;anchor=\"/sensors/temp\";rel=\"alternate\",\n"
        "</firmware/v2.1>;rt=\"firmware\";sz=262144");
    ASSERT_TRUE(document.has_value());
    ASSERT_EQ(document->links.size(), 6u);
    EXPECT_EQ(document->links[0].find("title"), "Sensor Index");
    EXPECT_EQ(document->links[0].find("ct"), "40");
    EXPECT_EQ(document->links[3].target, "http://www.example.com/sensors/t123");
    EXPECT_EQ(document->links[3].find("rel"), "describedby");
    EXPECT_EQ(document->links[5].find("sz"), "262144");
}

TEST(LinkFormat, WritesNoLinefeeds) {
    const std::string text =
        "</sensors/temp>;rt=\"a b\";ct=\"0 110\";sz=12;obs,</x>;title=\"say \\\"hi\\\\\"";
    const auto document = read(text);
    ASSERT_TRUE(document.has_value());
    EXPECT_TRUE(document->links[0].has("obs"));
    EXPECT_EQ(document->links[0].find("obs"), std::nullopt);
    EXPECT_EQ(document->links[1].find("title"), "say \"hi\\");
    EXPECT_EQ(to_text(*document), text);
    EXPECT_EQ(as_text(emitted(*document)), text);
}

TEST(LinkFormat, SeparatorsInsideQuotesAndTargetsDoNotSeparate) {
    const auto document = read("</a?x=1,2;3>;title=\"a,b;c\",</b>;rt=plain=token");
    ASSERT_TRUE(document.has_value());
    ASSERT_EQ(document->links.size(), 2u);
    EXPECT_EQ(document->links[0].target, "/a?x=1,2;3");
    EXPECT_EQ(document->links[0].find("title"), "a,b;c");
    EXPECT_EQ(document->links[1].find("rt"), "plain=token");
}

TEST(LinkFormat, NothingIsNoLinks) {
    EXPECT_TRUE(read("")->links.empty());
    EXPECT_EQ(to_text(LinkFormat{}), "");
}

TEST(LinkFormat, WhatIsBrokenIsRefused) {
    for (const char* bad : {"x", "<", "</a", "</a>,", "</a>,,</b>", "</a> </b>", "</a>;", "</a>;=1",
                            "</a>;rt=", "</a>;rt=\"x", "</a>;rt=\"x\\", "</a>x"})
        EXPECT_FALSE(read(bad).has_value()) << bad;
}

TEST(LinkFormat, TooManyLinksAreRefused) {
    std::string text = "<>";
    for (std::size_t i = 1; i < LinkFormat::links_max; ++i) text += ",<>";
    EXPECT_TRUE(read(text).has_value());
    EXPECT_FALSE(read(text + ",<>").has_value());
}

TEST(LinkFilter, MatchesAsTheStandardSays) {  // [RFC 6690 §4.1]
    const auto document =
        read("</foo/bar>;rt=\"light-lux core.sen-light\";foo=\"barley\";ct=\"0 40\";obs");
    const Link& link = document->links[0];
    EXPECT_TRUE(link.matches("href=/foo/bar"));
    EXPECT_TRUE(link.matches("href=/foo*"));
    EXPECT_FALSE(link.matches("href=/foo"));
    EXPECT_TRUE(link.matches("foo=bar*"));
    EXPECT_FALSE(link.matches("foo=bar"));
    EXPECT_TRUE(link.matches("foo=*"));
    EXPECT_FALSE(link.matches("nofoo=*"));
    EXPECT_TRUE(link.matches("rt=core.sen-light"));
    EXPECT_TRUE(link.matches("rt=light*"));
    EXPECT_FALSE(link.matches("rt=lux"));
    EXPECT_TRUE(link.matches("ct=40"));
    EXPECT_TRUE(link.matches("obs"));
    EXPECT_TRUE(link.matches("obs=*"));
}

}  // namespace
}  // namespace causeway::coap
