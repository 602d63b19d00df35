#include "coap/http_mapping.hpp"

#include "coap/http_gateway.hpp"
#include "coap/testing.hpp"

#include <gtest/gtest.h>

namespace causeway::coap::http_mapping_test {
namespace {

using namespace testing;

const UriTemplate default_template = *UriTemplate::parse("{+tu}");

// ---- URIs [RFC 8075 §5] ------------------------------------------------------------------------

TEST(HttpUri, TheExamplesOfTheStandardHoldBothWays) {  // [RFC 8075 §5.3, §5.4.1.1, §5.4.2.1]
    struct Case {
        const char* hct;
        const char* uri;
        const char* rest;
    };
    for (const Case& c : {
             Case{"{+tu}", "coap://s.example.com/light", "coap://s.example.com/light"},
             Case{"{+tu}", "coap://[2001:db8::1]/light?on", "coap://%5B2001:db8::1%5D/light?on"},
             Case{"?target_uri={+tu}", "coap://s.example.com/light",
                  "?target_uri=coap://s.example.com/light"},
             Case{"?target_uri={+tu}", "coaps://s.example.com/light",
                  "?target_uri=coaps://s.example.com/light"},
             Case{"forward/{+tu}", "coap://s.example.com/light",
                  "forward/coap://s.example.com/light"},
             Case{"{+s}/{+hp}{+p}{+qq}", "coap://s.example.com/light", "coap/s.example.com/light"},
             Case{"{+s}/{+hp}{+p}{+qq}", "coap://s.example.com/light?on",
                  "coap/s.example.com/light?on"},
             Case{"?s={+s}&hp={+hp}&p={+p}&q={+q}", "coap://s.example.com/light",
                  "?s=coap&hp=s.example.com&p=/light&q="},
             Case{"?s={+s}&hp={+hp}&p={+p}&q={+q}", "coaps://s.example.com/light?on",
                  "?s=coaps&hp=s.example.com&p=/light&q=on"},
             // Encoded throughout, and form-style. [RFC 6570 §3.2.2, §3.2.8]
             Case{"{?tu}", "coap://[fd00::1]/a?b=1&c",
                  "?tu=coap%3A%2F%2F%5Bfd00%3A%3A1%5D%2Fa%3Fb%3D1%26c"},
             Case{"{?s,hp,p,q}", "coap+tcp://h:61616/a/b?c=1",
                  "?s=coap%2Btcp&hp=h%3A61616&p=%2Fa%2Fb&q=c%3D1"},
         }) {
        const auto hct = UriTemplate::parse(c.hct);
        ASSERT_TRUE(hct) << c.hct;
        const auto uri = Uri::from_text(c.uri);
        EXPECT_EQ(hct->expand(*uri), c.rest);
        const auto text = hct->match(c.rest);
        ASSERT_TRUE(text) << c.rest;
        EXPECT_EQ(Uri::from_text(*text), *uri) << *text;
    }
}

TEST(HttpUri, WhatIsNoTemplateIsRefused) {
    for (const char* bad : {"", "x", "{+tu", "{+other}", "{+s}{+p}", "{+tu}{+tu}", "{+hp}{+q}{+qq}",
                            "{+tu}{+p}", "{?tu,tu}", "{?}", "a b{+tu}"})
        EXPECT_FALSE(UriTemplate::parse(bad)) << bad;
    const auto hct = UriTemplate::parse("?target={+tu}&end");
    ASSERT_TRUE(hct);
    EXPECT_TRUE(hct->match("?target=coap://h/&end"));
    for (const char* bad : {"", "?target=", "?target=coap://h/", "?target=coap://h/&ends", "?x=y"})
        EXPECT_FALSE(hct->match(bad)) << bad;
    EXPECT_FALSE(UriTemplate::parse("{+s}/{+hp}{+p}")->match("coap/h/a?q"));
    EXPECT_FALSE(UriTemplate::parse("{?tu}")->match("?tu=%zz"));
}

TEST(HttpUri, OfHttpIsKeptAsItWasWritten) {
    const auto url = HttpUrl::from_text("HTTP://Www.Example:8080/a%2Fb?x=%2B&y#part");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->to_text(), "http://www.example:8080/a%2Fb?x=%2B&y");
    EXPECT_EQ(HttpUrl::from_text("https://[FD00::1]")->to_text(), "https://[fd00::1]/");
    EXPECT_EQ(HttpUrl::from_text("https://h:443?q")->to_text(), "https://h/?q");
    for (const char* bad : {"", "http://", "http:///x", "ftp://h/", "http://u@h/", "http://h:0/",
                            "http://h:99999/", "http://[x]/", "http://h /", "http://h/\r\n",
                            "http://[::1]x/", "http://h:8x/", "coap://h/"})
        EXPECT_FALSE(HttpUrl::from_text(bad)) << bad;
    Options options;
    options.add_text(OptionNumber::uri_host, "h");
    options.add_text(OptionNumber::uri_path, "a b");
    options.add_text(OptionNumber::uri_query, "c&d");
    EXPECT_EQ(HttpUrl::from_options(options, true)->to_text(), "https://h/a%20b?c%26d");
}

// ---- media types [RFC 8075 §6] -----------------------------------------------------------------

TEST(HttpMedia, TypesHaveNumbers) {
    HttpMapping mapping;
    mapping.loose = false;
    const auto number = [&](std::string_view type) -> int {
        const auto format = content_format_of(type, mapping);
        return format ? std::to_underlying(*format) : -1;
    };
    EXPECT_EQ(number("text/plain"), 0);
    EXPECT_EQ(number("Text/Plain; charset=UTF-8"), 0);
    EXPECT_EQ(number("text/plain;charset=\"us-ascii\""), 0);
    EXPECT_EQ(number("text/plain;charset=iso-8859-1"), -1);
    EXPECT_EQ(number("application/senml+json"), 110);
    EXPECT_EQ(number("application/cose; cose-type=\"cose-sign1\""), 18);
    EXPECT_EQ(number("application/cose"), -1);
    EXPECT_EQ(number("text/html"), -1);
    EXPECT_EQ(number("nonsense"), -1);
    EXPECT_EQ(number(""), -1);
    mapping.loose = true;  // [RFC 8075 §6.3]
    EXPECT_EQ(number("application/soap+xml"), 41);
    EXPECT_EQ(number("application/ld+json"), 50);
    EXPECT_EQ(number("application/x+cbor"), 60);
    EXPECT_EQ(number("text/xml"), 41);
    EXPECT_EQ(number("text/html"), 0);
    EXPECT_EQ(number("image/png"), 42);
    EXPECT_EQ(number("application/coap-payload;cf=65000"), -1);  // [RFC 8075 §6.2]
    mapping.pass_unknown_formats = true;
    EXPECT_EQ(number("application/coap-payload;cf=65000"), 65000);
    EXPECT_EQ(number("application/coap-payload;cf=65536"), -1);
    EXPECT_EQ(number("application/coap-payload"), -1);
}

TEST(HttpMedia, NumbersHaveTypes) {
    EXPECT_EQ(media_type_of(ContentFormat::text_plain), "text/plain;charset=utf-8");
    EXPECT_EQ(media_type_of(ContentFormat::cbor), "application/cbor");
    EXPECT_EQ(media_type_of(ContentFormat{18}), "application/cose;cose-type=\"cose-sign1\"");
    EXPECT_EQ(media_type_of(ContentFormat{65000}), "application/coap-payload;cf=65000");
    EXPECT_TRUE(is_text(ContentFormat::senml_json));
    EXPECT_FALSE(is_text(ContentFormat::senml_cbor));
}

TEST(HttpMedia, AnAcceptIsTriedInTheOrderOfItsWeights) {
    const auto formats = [](std::string_view accept) {
        std::string text;
        for (const auto& format : accepts_of(accept, {}))
            text += (text.empty() ? "" : " ") +
                    (format ? std::to_string(std::to_underlying(*format)) : "any");
        return text;
    };
    EXPECT_EQ(formats("application/cbor"), "60");
    EXPECT_EQ(formats("application/json;q=0.2, application/cbor;q=0.9"), "60 50");
    EXPECT_EQ(formats("*/*"), "any");
    EXPECT_EQ(formats("text/html,application/xml;q=0.9,*/*;q=0.8"), "41 any");
    EXPECT_EQ(formats("application/cbor;q=0"), "");
    EXPECT_EQ(formats("text/html"), "");  // "SHOULD be silently ignored" [RFC 8075 §6.1]
    EXPECT_EQ(formats("text/event-stream"), "");
    EXPECT_EQ(formats("application/cbor;q=nonsense,,;"), "");
    EXPECT_EQ(formats("text/plain,application/json,application/xml,application/cbor,"
                      "application/exi"),
              "0 50 41 60");  // bounded
}

// ---- codes [RFC 8075 §7] -----------------------------------------------------------------------

TEST(HttpCodes, HaveTheirStatus) {
    const auto status = [](std::uint8_t code, bool payload = false, bool blamed = false) {
        return status_of(Code{code}, payload, blamed);
    };
    EXPECT_EQ(status(0x41), 201u);
    EXPECT_EQ(status(0x42, true), 200u);
    EXPECT_EQ(status(0x42), 204u);
    EXPECT_EQ(status(0x43), 304u);
    EXPECT_EQ(status(0x44, true), 200u);
    EXPECT_EQ(status(0x44), 204u);
    EXPECT_EQ(status(0x45), 200u);
    EXPECT_EQ(status(0x80), 400u);
    EXPECT_EQ(status(0x81), 403u);
    EXPECT_EQ(status(0x82, false, true), 400u);
    EXPECT_EQ(status(0x82), 500u);
    EXPECT_EQ(status(0x83), 403u);
    EXPECT_EQ(status(0x84), 404u);
    EXPECT_EQ(status(0x85), 400u);
    EXPECT_EQ(status(0x86), 406u);
    EXPECT_EQ(status(0x8c), 412u);
    EXPECT_EQ(status(0x8d), 413u);
    EXPECT_EQ(status(0x8f), 415u);
    EXPECT_EQ(status(0x9d), 429u);
    EXPECT_EQ(status(0xa0), 500u);
    EXPECT_EQ(status(0xa1), 501u);
    EXPECT_EQ(status(0xa2), 502u);
    EXPECT_EQ(status(0xa3), 503u);
    EXPECT_EQ(status(0xa4), 504u);
    EXPECT_EQ(status(0xa5), 502u);
    EXPECT_EQ(status(0xa8), 508u);  // [RFC 8768 §5]
    EXPECT_EQ(status(0x9e), 400u);  // 4.30: nobody knows it
    EXPECT_EQ(status(0xbe), 502u);
}

TEST(HttpCodes, AndTheOtherWay) {  // [RFC 7252 §10.1]
    EXPECT_EQ(code_of(200, Code::get), Code::content);
    EXPECT_EQ(code_of(304, Code::get), Code::valid);
    EXPECT_EQ(code_of(201, Code::put), Code::created);
    EXPECT_EQ(code_of(204, Code::put), Code::changed);
    EXPECT_EQ(code_of(200, Code::post), Code::changed);
    EXPECT_EQ(code_of(404, Code::delete_), Code::deleted);  // [RFC 7252 §10.1.3]
    EXPECT_EQ(code_of(404, Code::get), Code::not_found);
    EXPECT_EQ(code_of(302, Code::get), Code::bad_gateway);
    EXPECT_EQ(code_of(206, Code::get), Code::bad_gateway);
    EXPECT_EQ(code_of(418, Code::get), Code::bad_request);
    EXPECT_EQ(code_of(508, Code::get), Code::hop_limit_reached);
    EXPECT_EQ(code_of(999, Code::get), Code::bad_gateway);
}

TEST(HttpTags, AreHexadecimal) {
    EXPECT_EQ(http_tag_of("8a 1f"_hex), "\"8a1f\"");
    EXPECT_EQ(tag_of_ours("\"8a1f\""), "8a 1f"_hex);
    for (const char* bad : {"", "\"", "\"\"", "8a1f", "\"8a1\"", "\"8A1F\"", "\"8a 1f\"",
                            "W/\"8a1f\"", "\"0011223344556677ff\"", "\"zz\""})
        EXPECT_FALSE(tag_of_ours(bad)) << bad;
    EXPECT_EQ(tag_for_theirs("\"abc\""), testing::text("abc"));
    EXPECT_EQ(tag_for_theirs("\"longer than eight\"")->size(), 8u);
    EXPECT_NE(tag_for_theirs("\"longer than eight\""), tag_for_theirs("\"longer than ei8ht\""));
    EXPECT_FALSE(tag_for_theirs("W/\"abc\""));
}

// ---- messages, HTTP in front -------------------------------------------------------------------

std::expected<Question, HttpRefusal> question(std::string_view method, std::string_view target,
                                              const HttpHeaders& headers = {},
                                              std::string_view body = {}, bool secure = false,
                                              const HttpMapping& mapping = {}) {
    return question_of({method, target, headers, body, secure}, mapping, default_template);
}
unsigned refusal(std::string_view method, std::string_view target, const HttpHeaders& headers = {},
                 std::string_view body = {}, bool secure = false, const HttpMapping& mapping = {}) {
    const auto asked = question(method, target, headers, body, secure, mapping);
    return asked ? 0 : asked.error().status;
}

TEST(HttpQuestion, HasItsTarget) {
    const auto uri = [](std::string_view target, bool secure = false) {
        const auto asked = question("GET", target, {}, {}, secure);
        return asked ? std::string(asked->options.text(OptionNumber::proxy_uri).value_or("local"))
                     : std::to_string(asked.error().status);
    };
    EXPECT_EQ(uri("/hc/coap://h/a?b"), "coap://h/a?b");
    EXPECT_EQ(uri("/hc/coap:/h/a"), "coap://h/a");  // one slash was lost on the way
    EXPECT_EQ(uri("/hc/coap://%5Bfd00::1%5D:61616/a"), "coap://[fd00::1]:61616/a");
    EXPECT_EQ(uri("http://p.example/hc/coap://h/a"), "coap://h/a");
    EXPECT_EQ(uri("coap://h/a"), "coap://h/a");  // [RFC 7252 §10.2]
    EXPECT_EQ(uri("/hc/h/a"), "400");            // [RFC 8075 §5.3.1]
    EXPECT_EQ(uri("/hc/"), "400");
    EXPECT_EQ(uri("/hc/http://h/"), "400");
    EXPECT_EQ(uri("/hc/coap://h/%zz"), "400");
    EXPECT_EQ(uri("/hc/coaps://h/"), "403");  // [RFC 8075 §10.3]
    EXPECT_EQ(uri("/hc/coaps://h/", true), "coaps://h/");
    EXPECT_EQ(uri("/hc/coap://%5Bff02::fd%5D/"), "403");  // [RFC 8075 §8.4]
    EXPECT_EQ(uri("/a/b?c"), "local");
    EXPECT_EQ(uri("*"), "400");
    HttpMapping mapping;
    mapping.null_mapping = false;
    mapping.scheme_omitted = Transport::udp;
    EXPECT_EQ(refusal("GET", "/a/b", {}, {}, false, mapping), 404u);
    const auto asked = question("GET", "/hc/h/a", {}, {}, false, mapping);
    EXPECT_EQ(asked->options.text(OptionNumber::proxy_uri), "coap://h/a");
    const auto here = question("GET", "/a/b%20c?d=e&f");
    EXPECT_TRUE(here->options.path_is("/a/b c"));
    EXPECT_EQ(here->options.text(OptionNumber::uri_query), "d=e");
}

TEST(HttpQuestion, HasItsMethodAndBody) {
    for (const char* method : {"OPTIONS", "TRACE", "CONNECT", "get", ""})
        EXPECT_EQ(refusal(method, "/hc/coap://h/"), 501u) << method;  // [RFC 7252 §10.2.1]
    const auto put = question("PUT", "/hc/coap://h/", {{"Content-Type", "application/json"}}, "{}");
    EXPECT_EQ(put->method, Code::put);
    EXPECT_EQ(put->options.uint(OptionNumber::content_format), 50u);
    EXPECT_EQ(put->payload, testing::text("{}"));
    EXPECT_EQ(question("PATCH", "/x")->method, Code::patch);
    EXPECT_EQ(question("HEAD", "/x")->method, Code::get);
    EXPECT_TRUE(question("GET", "/x", {}, "ignored")->payload.empty());
    EXPECT_EQ(refusal("PUT", "/x", {{"content-encoding", "gzip"}}, "x"), 415u);  // [RFC 8075 §6.1]
    EXPECT_EQ(refusal("PUT", "/x", {{"Content-Type", "text/plain;charset=utf-16"}}, "x"), 415u);
    EXPECT_EQ(refusal("PUT", "/x", {{"Content-Range", "bytes 0-1/2"}}, "x"), 400u);
    EXPECT_EQ(refusal("GET", "/x", {{"Accept", "application/coap-payload;cf=60"}}), 406u);
}

TEST(HttpQuestion, HasItsConditions) {
    const auto get = question("GET", "/x", {{"If-None-Match", "\"aa\", W/\"bb\", \"not ours\""}});
    std::string tags;
    for (const Option option : get->options)
        if (option.number == OptionNumber::etag) tags += to_hex(option.value) + " ";
    EXPECT_EQ(tags, "aa bb ");
    const auto create = question("PUT", "/x", {{"If-None-Match", "*"}}, "x");
    EXPECT_TRUE(create->options.has(OptionNumber::if_none_match));
    const auto change = question("PUT", "/x", {{"If-Match", "\"aa\""}}, "x");
    EXPECT_TRUE(same(*change->options.find(OptionNumber::if_match), "aa"_hex));
    EXPECT_TRUE(change->client_blamed);
    EXPECT_TRUE(question("PUT", "/x", {{"If-Match", "*"}}, "x")
                    ->options.find(OptionNumber::if_match)
                    ->empty());
    EXPECT_EQ(refusal("PUT", "/x", {{"If-Match", "\"theirs\""}}, "x"), 412u);
    EXPECT_EQ(refusal("PUT", "/x", {{"If-None-Match", "\"aa\""}}, "x"), 501u);
    EXPECT_TRUE(question("GET", "/x", {{"Cache-Control", "foo, No-Cache"}})->bypass_cache);
    EXPECT_TRUE(question("GET", "/x", {{"Pragma", "no-cache"}})->bypass_cache);
    EXPECT_FALSE(question("GET", "/x", {{"Cache-Control", "max-age=10"}})->bypass_cache);
    EXPECT_TRUE(question("GET", "/x", {{"Accept", "text/event-stream;q=1"}})->observe);
    EXPECT_FALSE(question("PUT", "/x", {{"Accept", "text/event-stream"}})->observe);
}

std::string header(const HttpAnswer& answer, std::string_view name) {
    const std::string* value = find_header(answer.headers, name);
    return value != nullptr ? *value : "none";
}

TEST(HttpAnswer, CarriesWhatCoapSaid) {
    const Question get = *question("GET", "/hc/coap://h/a");
    Response content{.payload = testing::text("22")};
    content.options.add_uint(OptionNumber::content_format, 0);
    content.options.add(OptionNumber::etag, "aa"_hex);
    HttpAnswer answer = answer_of(content, get, {}, default_template);
    EXPECT_EQ(answer.status, 200u);
    EXPECT_EQ(answer.body, "22");
    EXPECT_EQ(header(answer, "Content-Type"), "text/plain;charset=utf-8");
    EXPECT_EQ(header(answer, "ETag"), "\"aa\"");
    EXPECT_EQ(header(answer, "Cache-Control"), "max-age=60");

    Response valid{.code = Code::valid};
    valid.options.add(OptionNumber::etag, "aa"_hex);
    valid.options.add_uint(OptionNumber::max_age, 5);
    answer = answer_of(valid, get, {}, default_template);
    EXPECT_EQ(answer.status, 304u);
    EXPECT_EQ(header(answer, "ETag"), "\"aa\"");
    EXPECT_EQ(header(answer, "Cache-Control"), "max-age=5");
    EXPECT_EQ(header(answer, "Content-Type"), "none");

    const Response missing{.code = Code::not_found, .payload = testing::text("no such\r\nthing")};
    answer = answer_of(missing, get, {}, default_template);  // [RFC 8075 §6.6]
    EXPECT_EQ(answer.status, 404u);
    EXPECT_EQ(answer.body, "no such\r\nthing");
    EXPECT_EQ(header(answer, "Content-Type"), "text/plain;charset=utf-8");
    EXPECT_TRUE(answer.reason.empty());

    answer = answer_of({.code = Code::method_not_allowed}, get, {}, default_template);
    EXPECT_EQ(answer.status, 400u);
    EXPECT_EQ(answer.reason, "CoAP server returned 4.05");  // [RFC 8075 §7]
    Response busy{.code = Code::service_unavailable};
    busy.options.add_uint(OptionNumber::max_age, 7);
    EXPECT_EQ(header(answer_of(busy, get, {}, default_template), "Retry-After"), "7");
}

TEST(HttpAnswer, ALocationIsOneThatCanBeAskedForHere) {  // [RFC 7252 §10.2.4]
    Response created{.code = Code::created};
    created.options.add_text(OptionNumber::location_path, "b c");
    created.options.add_text(OptionNumber::location_query, "d");
    EXPECT_EQ(header(answer_of(created, *question("POST", "/hc/coap://h/a?x", {}, "1"), {},
                               default_template),
                     "Location"),
              "/hc/coap://h/b%20c?d");
    EXPECT_EQ(header(answer_of(created, *question("POST", "/a", {}, "1"), {}, default_template),
                     "Location"),
              "/b%20c?d");
}

TEST(HttpAnswer, EventsAreTextOrBase64) {
    Response response{.payload = testing::text("a\nb\r\nc")};
    response.options.add_uint(OptionNumber::content_format, 0);
    EXPECT_EQ(event_of(response, 1), "id: 1\ndata: a\ndata: b\ndata: c\n\n");
    response.options.set_uint(OptionNumber::content_format, 60);
    for (const auto& [payload, base64] : {std::pair{"a", "YQ=="}, std::pair{"ab", "YWI="},
                                          std::pair{"abc", "YWJj"}, std::pair{"", ""}}) {
        response.payload = testing::text(payload);
        EXPECT_EQ(event_of(response, 2),
                  "id: 2\nevent: base64\ndata: " + std::string(base64) + "\n\n");
    }
    EXPECT_EQ(event_of({.code = Code::not_found, .payload = testing::text("gone\n\ndata: x")}, 3),
              "id: 3\nevent: gone\ndata: 4.04 Not Found\ndata: gone\ndata: \ndata: data: x\n\n");
}

TEST(HttpAnswer, TheMappingCanBeFound) {  // [RFC 8075 §5.5.1]
    HttpMapping mapping;
    EXPECT_EQ(hc_link(mapping), "</hc/>;rt=\"core.hc\"");
    mapping.hct = "?uri={+tu}";
    EXPECT_EQ(hc_link(mapping, "https://p.example.com"),
              "</hc/>;anchor=\"https://p.example.com\";rt=\"core.hc\";hct=\"?uri={+tu}\"");
}

// ---- messages, HTTP at the back ----------------------------------------------------------------

TEST(HttpFetching, CarriesWhatCoapAsked) {
    const HttpUrl url = *HttpUrl::from_text("http://h/a");
    Options options;
    options.add_uint(OptionNumber::content_format, 110);
    options.add_uint(OptionNumber::accept, 65000);
    options.add(OptionNumber::if_match, testing::text("abc"));
    const auto put = fetch_of(Code::put, url, options, testing::text("[]"), {}, {});
    ASSERT_TRUE(put);
    EXPECT_EQ(put->method, "PUT");
    EXPECT_EQ(put->body, "[]");
    EXPECT_EQ(*find_header(put->headers, "Content-Type"), "application/senml+json");
    EXPECT_EQ(*find_header(put->headers, "Accept"), "application/coap-payload;cf=65000");
    EXPECT_EQ(*find_header(put->headers, "If-Match"), "\"abc\"");
    EXPECT_EQ(*find_header(put->headers, "Accept-Encoding"), "identity");

    Options unknown;
    unknown.add(OptionNumber::if_match, "00 01"_hex);  // stands for a tag that is forgotten
    EXPECT_EQ(fetch_of(Code::put, url, unknown, {}, {}, {}).error(), Code::precondition_failed);
    Options known;
    known.add(OptionNumber::etag, *tag_for_theirs("\"a-long-entity-tag\""));
    EXPECT_EQ(
        *find_header(fetch_of(Code::get, url, known, {}, "\"a-long-entity-tag\"", {})->headers,
                     "If-None-Match"),
        "\"a-long-entity-tag\"");
    EXPECT_EQ(fetch_of(Code::fetch, url, {}, {}, {}, {}).error(), Code::not_implemented);
}

TEST(HttpFetching, FreshnessIsNeverMoreThanItsServerSays) {  // [RFC 7252 §10.1.1]
    const auto max_age = [](HttpHeaders headers) {
        return response_of(HttpFetched{.headers = std::move(headers)}, Code::get, {})
            .options.uint(OptionNumber::max_age);
    };
    EXPECT_EQ(max_age({}), 0u);
    EXPECT_EQ(max_age({{"Cache-Control", "public, max-age=60"}}), 60u);
    EXPECT_EQ(max_age({{"Cache-Control", "max-age=60, s-maxage=\"20\""}}), 20u);
    EXPECT_EQ(max_age({{"Cache-Control", "max-age=60"}, {"Age", "25"}}), 35u);
    EXPECT_EQ(max_age({{"Cache-Control", "max-age=60"}, {"Age", "99"}}), 0u);
    EXPECT_EQ(max_age({{"Cache-Control", "max-age=99999999999"}}), UINT32_MAX);
    EXPECT_EQ(max_age({{"Cache-Control", "max-age=-1"}}), 0u);
    for (const char* never_kept : {"no-store", "no-cache", "private, max-age=60"})
        EXPECT_EQ(max_age({{"Cache-Control", never_kept}}), 0u);
    EXPECT_EQ(max_age({{"Cache-Control", "max-age=60"}, {"Vary", "Cookie"}}), 0u);
    EXPECT_EQ(max_age({{"Cache-Control", "max-age=60"}, {"Vary", "Accept"}}), 60u);
    EXPECT_EQ(max_age({{"Cache-Control", "max-age=60"}, {"Set-Cookie", "a=b"}}), 0u);
    EXPECT_EQ(max_age({{"Date", "Sun, 06 Nov 1994 08:49:37 GMT"},
                       {"Expires", "Sun, 06 Nov 1994 09:49:38 GMT"}}),
              3601u);
    EXPECT_EQ(max_age({{"Date", "Sun, 06 Nov 1994 08:49:37 GMT"}, {"Expires", "0"}}), 0u);
    EXPECT_EQ(max_age({{"Date", "Sun, 31 Feb 1994 08:49:37 GMT"},
                       {"Expires", "Sun, 06 Nov 1994 09:49:38 GMT"}}),
              0u);
}

TEST(HttpFetching, RepresentationsAndFailuresComeBack) {
    const Response page = response_of(
        HttpFetched{.headers = {{"Content-Type", "text/html; charset=utf-8"}}, .body = "<p>"},
        Code::get, {});
    EXPECT_EQ(page.options.uint(OptionNumber::content_format), 0u);
    EXPECT_EQ(page.payload, testing::text("<p>"));
    EXPECT_EQ(
        response_of(HttpFetched{.headers = {{"Content-Encoding", "gzip"}}}, Code::get, {}).code,
        Code::bad_gateway);
    const Response created = response_of(
        HttpFetched{.status = 201, .headers = {{"Location", "http://h/a/b?c"}}}, Code::post, {});
    EXPECT_EQ(created.options.text(OptionNumber::location_path), "a");
    EXPECT_EQ(created.options.text(OptionNumber::location_query), "c");
    const Response error =
        response_of(HttpFetched{.status = 503,
                                .headers = {{"Content-Type", "text/plain"}, {"Retry-After", "9"}},
                                .body = "busy"},
                    Code::get, {});
    EXPECT_EQ(error.code, Code::service_unavailable);
    EXPECT_EQ(error.options.uint(OptionNumber::max_age), 9u);
    EXPECT_EQ(error.payload, testing::text("busy"));
    const Response not_for_coap = response_of(
        HttpFetched{.status = 404, .headers = {{"Content-Type", "text/html"}}, .body = "<h1>"},
        Code::get, {});
    EXPECT_TRUE(not_for_coap.payload.empty());
}

// ---- the gateway, with a proxy behind ----------------------------------------------------------

struct Crossing {
    explicit Crossing(HttpGateway::Options options = {}, ProxyOptions proxy = {})
        : cross(
              std::move(proxy), std::move(options),
              [](const Uri& uri, const Peer&) -> Route {
                  const auto peer = uri.peer();
                  return peer ? Route(*peer) : Route(Refusal{});
              },
              [](const HttpUrl&, const Peer&) { return std::nullopt; }) {}

    std::uint64_t ask(std::string_view target, HttpHeaders headers = {},
                      std::string_view method = "GET", std::string_view body = {}) {
        give(HttpRequestIn{.id = ++ids,
                           .method = std::string(method),
                           .target = std::string(target),
                           .headers = std::move(headers),
                           .body = std::string(body)});
        return ids;
    }
    void give(CrossProxy::Input in) {
        cross.handle(now, std::move(in));
        while (auto out = cross.poll_output()) {
            std::visit(
                Overloaded{
                    [&](Proxy::ToBack& o) {
                        if (auto* request = std::get_if<Request>(&o.event))
                            requests.push_back(std::move(*request));
                        else
                            ++cancels;
                    },
                    [&](HttpResponseOut& o) { answers.push_back(std::move(o)); },
                    [&](HttpStreamBegin& o) { log += "begin " + std::to_string(o.id) + "|"; },
                    [&](HttpEventOut& o) { log += o.event + "|"; },
                    [&](HttpStreamEnd& o) { log += "end " + std::to_string(o.id) + "|"; },
                    [&](Proxy::Local& o) { locals.push_back(std::move(o)); },
                    [&](auto&) { ADD_FAILURE(); },
                },
                *out);
        }
        EXPECT_TRUE(cross.gateway().stats().balanced());
        EXPECT_TRUE(cross.proxy().stats().balanced());
    }
    void reply(const Request& to, Response response, bool more = false) {
        give(ResponseArrived{.id = to.id,
                             .code = response.code,
                             .options = std::move(response.options),
                             .payload = std::move(response.payload),
                             .more_to_come = more});
    }
    static Response text(std::string_view payload) {
        Response response{.payload = testing::text(payload)};
        response.options.add_uint(OptionNumber::content_format, 0);
        return response;
    }
    HttpAnswer said(std::uint64_t to) {
        CAUSEWAY_ASSERT(answers.size() == 1);
        const HttpResponseOut out = std::move(answers.front());
        answers.pop_front();
        EXPECT_EQ(out.id, to);
        return out.answer;
    }
    Request sent() {
        CAUSEWAY_ASSERT(!requests.empty());
        Request request = std::move(requests.front());
        requests.pop_front();
        return request;
    }

    CrossProxy cross;
    Instant now = start;
    std::uint64_t ids = 0;
    std::size_t cancels = 0;
    std::deque<Request> requests;
    std::deque<HttpResponseOut> answers;
    std::deque<Proxy::Local> locals;
    std::string log;
};

constexpr std::string_view target = "/hc/coap://%5Bfd00::7%5D/t";

TEST(HttpGateway, AsksAndAnswersAndKeeps) {
    Crossing crossing;
    const auto first = crossing.ask(target);
    const Request request = crossing.sent();
    EXPECT_EQ(request.peer, *Uri::from_text("coap://[fd00::7]")->peer());
    EXPECT_TRUE(request.options.path_is("t"));
    EXPECT_EQ(request.options.uint(OptionNumber::hop_limit), 16u);  // [RFC 8768 §5]
    crossing.reply(request, Crossing::text("22"));
    EXPECT_EQ(crossing.said(first).body, "22");
    EXPECT_EQ(crossing.said(crossing.ask(target)).body, "22");
    EXPECT_EQ(crossing.cross.proxy().stats().from_cache, 1u);
    crossing.ask(target, {{"Cache-Control", "no-cache"}});
    EXPECT_EQ(crossing.requests.size(), 1u);
}

TEST(HttpGateway, TriesTheFormatsInTurn) {  // [RFC 8075 §6.1]
    Crossing crossing;
    const auto id = crossing.ask(target, {{"Accept", "application/cbor, */*;q=0.1"}});
    Request request = crossing.sent();
    EXPECT_EQ(request.options.uint(OptionNumber::accept), 60u);
    crossing.reply(request, {.code = Code::not_acceptable});
    request = crossing.sent();
    EXPECT_FALSE(request.options.has(OptionNumber::accept));
    crossing.reply(request, Crossing::text("22"));
    EXPECT_EQ(crossing.said(id).status, 200u);
    EXPECT_EQ(crossing.cross.gateway().stats().retried, 1u);
    const auto strict = crossing.ask(target, {{"Accept", "application/exi"}});
    crossing.reply(crossing.sent(), {.code = Code::not_acceptable});
    EXPECT_EQ(crossing.said(strict).status, 406u);
}

TEST(HttpGateway, ObservesAsAStreamOfEvents) {
    Crossing crossing;
    const auto id = crossing.ask(target, {{"Accept", "text/event-stream"}});
    const Request relation = crossing.sent();
    EXPECT_TRUE(relation.observe);
    crossing.reply(relation, Crossing::text("1"), true);
    crossing.reply(relation, Crossing::text("2"), true);
    const auto second = crossing.ask(target, {{"Accept", "text/event-stream"}});
    EXPECT_TRUE(crossing.requests.empty());  // one relation for both [RFC 7641 §5]
    EXPECT_EQ(crossing.log,
              "begin 1|id: 1\ndata: 1\n\n|id: 2\ndata: 2\n\n|"
              "begin 2|id: 1\ndata: 2\n\n|");
    crossing.log.clear();
    crossing.give(HttpGone{id});
    EXPECT_EQ(crossing.cancels, 0u);
    crossing.reply(relation, {.code = Code::not_found});
    EXPECT_EQ(crossing.log, "id: 2\nevent: gone\ndata: 4.04 Not Found\n\n|end 2|");
    EXPECT_EQ(crossing.cross.gateway().streams(), 0u);
    EXPECT_EQ(crossing.cross.proxy().observers(), 0u);
    crossing.give(HttpGone{second});
}

TEST(HttpGateway, TheLastOneToLeaveEndsTheRelation) {
    Crossing crossing;
    const auto id = crossing.ask(target, {{"Accept", "text/event-stream"}});
    crossing.reply(crossing.sent(), Crossing::text("1"), true);
    crossing.give(HttpGone{id});
    EXPECT_EQ(crossing.cancels, 1u);
    // And one that left before it began.
    const auto early =
        crossing.ask("/hc/coap://%5Bfd00::8%5D/t", {{"Accept", "text/event-stream"}});
    crossing.give(HttpGone{early});
    crossing.reply(crossing.sent(), Crossing::text("1"), true);
    EXPECT_EQ(crossing.cancels, 2u);
    EXPECT_EQ(crossing.cross.proxy().observers(), 0u);
    EXPECT_EQ(crossing.cross.gateway().stats().left, 1u);
}

TEST(HttpGateway, WhatCannotBeObservedIsOneEvent) {
    Crossing crossing;
    crossing.ask(target, {{"Accept", "text/event-stream"}});
    crossing.reply(crossing.sent(), Crossing::text("1"));
    EXPECT_EQ(crossing.log, "begin 1|retry: 60000\nid: 1\ndata: 1\n\n|end 1|");
    const auto error = crossing.ask(target, {{"Accept", "text/event-stream"}});
    crossing.reply(crossing.sent(), {.code = Code::not_found});
    EXPECT_EQ(crossing.said(error).status, 404u);  // which a browser does not ask again
}

TEST(HttpGateway, ARequestThatWasHereBeforeIsALoop) {
    Crossing crossing;
    EXPECT_EQ(crossing.said(crossing.ask(target, {{"Via", "1.1 x, CoAP/1 causeway (y)"}})).status,
              508u);
    crossing.ask(target, {{"Via", "1.1 causeway2"}});
    EXPECT_EQ(crossing.requests.size(), 1u);
    EXPECT_EQ(crossing.cross.gateway().stats().loops, 1u);
}

TEST(HttpGateway, PathsOfOursAreRulesAndResources) {  // [RFC 8075 §5.2]
    ProxyOptions proxy;
    proxy.reverse = {{"/nodes/{address}", "coap://[{address}]"}};
    Crossing crossing({}, proxy);
    crossing.ask("/nodes/fd00::7/t?x");
    EXPECT_TRUE(crossing.sent().options.path_is("t"));
    const auto id = crossing.ask("/status");
    ASSERT_EQ(crossing.locals.size(), 1u);
    const Proxy::Local& local = crossing.locals.front();
    EXPECT_TRUE(local.request.options.path_is("status"));
    crossing.give(
        Proxy::ToFront{local.front, Respond{local.request.exchange, Crossing::text("fine")}});
    EXPECT_EQ(crossing.said(id).body, "fine");
    EXPECT_EQ(crossing.said(crossing.ask("/.well-known/core?rt=core.hc")).body,
              "</hc/>;rt=\"core.hc\"");  // [RFC 8075 §5.5.1]
}

TEST(HttpGateway, IsBounded) {
    HttpGateway::Options options;
    options.requests_max = 2;
    options.streams_max = 1;
    options.body_octets_max = 10;
    Crossing crossing(options);
    EXPECT_EQ(crossing.said(crossing.ask(target, {}, "PUT", "0123456789a")).status, 413u);
    crossing.ask("/hc/coap://%5Bfd00::1%5D/", {{"Accept", "text/event-stream"}});
    EXPECT_EQ(crossing.said(crossing.ask(target, {{"Accept", "text/event-stream"}})).status, 503u);
    const auto id = crossing.ask("/hc/coap://%5Bfd00::2%5D/");
    EXPECT_EQ(crossing.said(crossing.ask("/hc/coap://%5Bfd00::3%5D/")).status, 503u);
    EXPECT_EQ(crossing.cross.gateway().stats().full, 3u);
    EXPECT_EQ(crossing.cross.gateway().stats().pending, 2u);
    crossing.give(HttpGone{id});
    crossing.ask("/hc/coap://%5Bfd00::3%5D/");
    EXPECT_TRUE(crossing.answers.empty());
    crossing.now += 5min;
    crossing.cross.handle_timeout(crossing.now);  // every question has its answer in the end
    std::size_t late = 0;
    while (auto out = crossing.cross.poll_output())
        if (const auto* answer = std::get_if<HttpResponseOut>(&*out))
            late += answer->answer.status == 504 ? 1u : 0u;
    EXPECT_EQ(late, 2u);
    EXPECT_EQ(crossing.cross.gateway().stats().pending, 0u);
}

}  // namespace
}  // namespace causeway::coap::http_mapping_test
