#include "coap/link_format.hpp"

#include <gtest/gtest.h>

namespace causeway::coap::link_format_test {
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

std::string selected(std::string_view text, std::string_view filter) {
    auto document = read(text);
    EXPECT_TRUE(document.has_value()) << text;
    if (!document) return {};
    std::erase_if(document->links, [&](const Link& link) { return !link.matches(filter); });
    return to_text(*document);
}

TEST(LinkFilter, SelectsAsInTheExamplesOfTheStandard) {  // [RFC 6690 §5]
    constexpr std::string_view sensors =
        "</sensors/temp>;rt=\"temperature-c\";if=\"sensor\","
        "</sensors/light>;rt=\"light-lux\";if=\"sensor\"";
    EXPECT_EQ(selected(sensors, "rt=light-lux"), "</sensors/light>;rt=\"light-lux\";if=\"sensor\"");
    EXPECT_EQ(selected(sensors, "if=sensor"), sensors);
    EXPECT_EQ(selected("</sensors/temp>;rt=\"temperature-c\","
                       "</sensors/light>;rt=\"light-lux core.sen-light\";if=\"sensor\"",
                       "rt=light-lux"),
              "</sensors/light>;rt=\"light-lux core.sen-light\";if=\"sensor\"");
    constexpr std::string_view related =
        "<http://www.example.com/sensors/t123>;anchor=\"/sensors/temp\";rel=\"describedby\","
        "</t>;anchor=\"/sensors/temp\";rel=\"alternate\"";
    EXPECT_EQ(selected("</sensors>;ct=40;title=\"Sensor Index\"," + std::string(sensors) + "," +
                           std::string(related),
                       "anchor=/sensors/temp"),
              related);
    EXPECT_EQ(selected("</firmware/v2.1>;rt=\"firmware\";sz=262144,</x>;sz=2", "sz=262144"),
              "</firmware/v2.1>;rt=\"firmware\";sz=262144");
}

TEST(LinkFilter, ListsOfValuesAreThoseOfRelationTypes) {  // [RFC 6690 §4.1]
    const auto document =
        read("</a>;rt=\"r1  r2\";if=\"i1 i2\";rel=\"x y\";title=\"two words\";e=\"\"");
    const Link& link = document->links[0];
    for (const char* yes : {"rt=r1", "rt=r2", "rt=r1  r2", "rt=r1  *", "if=i2", "rel=y", "rel=*",
                            "title=two words", "title=two*", "title=*", "e=", "e=*", "e"})
        EXPECT_TRUE(link.matches(yes)) << yes;
    for (const char* no : {"rt=", "rt=r", "if=i", "rel=x*y", "title=two", "title=words", "e=x",
                           "Rt=r1", "rt=R1", "f=", "f=*", "f", "href", "href=", "=*", ""})
        EXPECT_EQ(link.matches(no), std::string_view(no) == "href") << no;
}

TEST(LinkFilter, TakesAValueInTwoParts) {
    const LinkFilter whole("href=coap://h/a");
    EXPECT_TRUE(whole.takes("coap://h", "/a"));
    EXPECT_TRUE(whole.takes("coap://h/a", ""));
    EXPECT_FALSE(whole.takes("coap://h", "/ab"));
    EXPECT_FALSE(whole.takes("coap://i", "/a"));
    EXPECT_FALSE(whole.takes("coap://h/a", "b"));
    for (const char* prefix : {"href=*", "href=coap*", "href=coap://h*", "href=coap://h/*"})
        EXPECT_TRUE(LinkFilter(prefix).takes("coap://h", "/a")) << prefix;
    EXPECT_FALSE(LinkFilter("href=coap://h/b*").takes("coap://h", "/a"));
}

TEST(LinkFormat, QuotesAreWhereTheGrammarHasThem) {  // [RFC 6690 §2]
    LinkFormat document;
    document.links.push_back({"/x",
                              {{"sz", "12"},
                               {"ct", "0 40"},
                               {"hreflang", "en"},
                               {"title*", "UTF-8''%e2%82%ac"},
                               {"title", "a\"b\\c"},
                               {"rt", "one"},
                               {"sz", "big"},
                               {"x*", "no token;"},
                               {"y*", ""},
                               {"obs", std::nullopt}}});
    const std::string text = to_text(document);
    EXPECT_EQ(text,
              "</x>;sz=12;ct=\"0 40\";hreflang=en;title*=UTF-8''%e2%82%ac;title=\"a\\\"b\\\\c\";"
              "rt=\"one\";sz=\"big\";x*=\"no token;\";y*=\"\";obs");
    EXPECT_EQ(*read(text), document);
    std::string grown = "</first>";
    append_to(grown, document.links[0]);
    EXPECT_EQ(grown, "</first>," + text);
}

}  // namespace
}  // namespace causeway::coap::link_format_test
