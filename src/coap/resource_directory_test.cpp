#include "coap/resource_directory.hpp"

#include "coap/testing.hpp"

#include <gtest/gtest.h>

namespace causeway::coap::resource_directory_test::resource_directory_test {
namespace {

using namespace std::chrono_literals;
using testing::peer_at;
using testing::start;

using Directory = ResourceDirectory;

Peer at_address(std::string_view address, std::uint16_t port = default_port,
                Transport transport = Transport::udp) {
    return {.address = *address_from_literal(address), .port = port, .transport = transport};
}

/// "/rd?ep=node1&d=x": nothing is percent-decoded.
Options options_of(std::string_view reference) {
    Options options;
    std::size_t at = std::min(reference.find('?'), reference.size());
    options.add_path(reference.substr(0, at));
    while (at < reference.size()) {
        const std::size_t end = std::min(reference.find('&', at + 1), reference.size());
        options.add_text(OptionNumber::uri_query, reference.substr(at + 1, end - at - 1));
        at = end;
    }
    return options;
}

RequestArrived request_of(Code method, std::string_view reference, std::string_view payload = "",
                          const Peer& peer = peer_at(1)) {
    static std::uint64_t last = 0;
    RequestArrived request;
    request.exchange = ExchangeId{++last};
    request.peer = peer;
    request.method = method;
    request.options = options_of(reference);
    request.payload = testing::text(payload);
    request.confirmable = true;
    return request;
}

/// A directory, the time, and who asks.
struct Desk {
    explicit Desk(Directory::Settings settings = {}) : directory(std::move(settings), Random(7)) {}

    std::optional<Response> ask(const RequestArrived& request) {
        auto response = directory.handle(now, request, identity, front);
        EXPECT_TRUE(directory.stats().balanced());
        return response;
    }
    Response ask(Code method, std::string_view reference, std::string_view payload = "") {
        auto response = ask(request_of(method, reference, payload, peer));
        EXPECT_TRUE(response.has_value()) << reference;
        return response.value_or(Response{});
    }
    Response post(std::string_view reference, std::string_view payload = "") {
        return ask(Code::post, reference, payload);
    }
    /// The location of a registration that comes to be.
    std::string enter(std::string_view reference, std::string_view payload = "") {
        const Response response = post(reference, payload);
        EXPECT_EQ(response.code, Code::created) << as_text(response.payload);
        std::string location;
        for (const Option option : response.options)
            if (option.number == OptionNumber::location_path)
                location += "/" + std::string(option.as_text());
        return location;
    }
    std::string get(std::string_view reference) {
        const Response response = ask(Code::get, reference);
        EXPECT_EQ(response.code, Code::content) << as_text(response.payload);
        return std::string(as_text(response.payload));
    }
    void pass(Duration span) {
        const Instant until = now + span;
        for (int steps = 0; directory.next_deadline() <= until && steps < 100'000; ++steps) {
            now = std::max(now, directory.next_deadline());
            const Instant due = directory.next_deadline();
            directory.handle_timeout(now);
            EXPECT_GT(directory.next_deadline(), due);
        }
        now = until;
        EXPECT_TRUE(directory.stats().balanced());
    }
    std::vector<std::string> changes() {
        std::vector<std::string> paths;
        while (auto changed = directory.poll_changed()) paths.push_back(changed->path);
        return paths;
    }
    template <class Event>
    Event out() {
        auto output = directory.poll_output();
        EXPECT_TRUE(output && std::holds_alternative<Event>(output->event));
        if (!output || !std::holds_alternative<Event>(output->event)) return {};
        return std::get<Event>(std::move(output->event));
    }

    Directory directory;
    Instant now = start;
    Peer peer = peer_at(1);
    std::string identity;
    std::uint32_t front = 0;
};

/// Links with their attributes in the order of their names: their order says nothing.
std::string sorted(std::string_view text) {
    auto document = parse_as<LinkFormat>(as_octets(text));
    EXPECT_TRUE(document.has_value()) << text;
    if (!document) return {};
    for (Link& link : document->links)
        std::ranges::sort(link.attributes, {}, [](const LinkAttribute& a) {
            return a.name + '=' + a.value.value_or("");
        });
    return to_text(*document);
}

#define EXPECT_LINKS(actual, expected) EXPECT_EQ(sorted(actual), sorted(expected))

constexpr std::string_view figure_8 =
    "</sensors/temp>;rt=temperature-c;if=sensor,\n"
    "<http://www.example.com/sensors/temp>;\n"
    "  anchor=\"/sensors/temp\";rel=describedby";

// ---- the standard's examples -------------------------------------------------------------------

TEST(ResourceDirectory, DescribesItselfForDiscovery) {  // [RFC 9176 §4.3, figure 5]
    Server server;
    for (Resource& resource : Directory::resources()) server.add(std::move(resource));
    auto request = request_of(Code::get, "/.well-known/core?rt=core.rd*");
    EXPECT_LINKS(as_text(server.handle(request)->payload),
                 "</rd>;rt=core.rd;ct=40,</rd-lookup/ep>;rt=core.rd-lookup-ep;ct=40;obs,"
                 "</rd-lookup/res>;rt=core.rd-lookup-res;ct=40;obs");
    request = request_of(Code::get, "/.well-known/core?rt=core.rd");
    EXPECT_LINKS(as_text(server.handle(request)->payload), "</rd>;rt=core.rd;ct=40");
}

TEST(ResourceDirectory, ARegistrationHasALocationAndIsLookedUp) {  // [RFC 9176 §5, figure 8]
    Desk desk;
    desk.peer = at_address("2001:db8:1::1", 61616);
    auto request = request_of(Code::post, "/rd?ep=node1", figure_8, desk.peer);
    request.options.add_uint(OptionNumber::content_format, 40);
    const Response created = *desk.ask(request);
    EXPECT_EQ(created.code, Code::created);
    EXPECT_EQ(created.options.text(OptionNumber::location_path), "rd");
    EXPECT_FALSE(created.options.has(OptionNumber::location_query));
    EXPECT_LINKS(desk.get("/rd-lookup/res?ep=node1"),
                 "<coap://[2001:db8:1::1]:61616/sensors/temp>;rt=temperature-c;if=sensor,"
                 "<http://www.example.com/sensors/temp>;"
                 "anchor=\"coap://[2001:db8:1::1]:61616/sensors/temp\";rel=describedby");
}

TEST(ResourceDirectory, AnUpdateChangesTheBase) {  // [RFC 9176 §5.3.1, figures 13 to 16]
    Desk desk;
    const std::string location =
        desk.enter("/rd?ep=endpoint1&lt=500&base=coap://local-proxy-old.example.com", figure_8);
    EXPECT_EQ(desk.post(location).code, Code::changed);
    EXPECT_LINKS(desk.get("/rd-lookup/res?ep=endpoint1"),
                 "<coap://local-proxy-old.example.com/sensors/temp>;"
                 "    rt=temperature-c;if=sensor,"
                 "<http://www.example.com/sensors/temp>;"
                 "    anchor=\"coap://local-proxy-old.example.com/sensors/temp\";"
                 "    rel=describedby");
    EXPECT_EQ(desk.post(location + "?base=coaps://new.example.com").code, Code::changed);
    EXPECT_LINKS(desk.get("/rd-lookup/res?ep=endpoint1"),
                 "<coaps://new.example.com/sensors/temp>;rt=temperature-c;if=sensor,"
                 "<http://www.example.com/sensors/temp>;"
                 "    anchor=\"coaps://new.example.com/sensors/temp\";rel=describedby");
}

TEST(ResourceDirectory, ARemovalIsFinal) {  // [RFC 9176 §5.3.2, figure 17]
    Desk desk;
    const std::string location = desk.enter("/rd?ep=node1", figure_8);
    EXPECT_EQ(desk.ask(Code::delete_, location).code, Code::deleted);
    EXPECT_EQ(desk.ask(Code::delete_, location).code, Code::not_found);
    EXPECT_EQ(desk.post(location).code, Code::not_found);
    EXPECT_EQ(desk.get("/rd-lookup/ep"), "");
    EXPECT_EQ(desk.directory.size(), 0u);
    EXPECT_EQ(desk.directory.octets(), 0u);
}

TEST(ResourceDirectory, ALookupOfAResourceTypeThatIsAUri) {  // [RFC 9176 §6.3, figure 19]
    Desk desk;
    desk.peer = at_address("2001:db8:3::123", 61616);
    desk.enter("/rd?ep=a", "</temp>;rt=\"tag:example.org,2020:temperature\",</other>;rt=x");
    EXPECT_LINKS(desk.get("/rd-lookup/res?rt=tag:example.org,2020:temperature"),
                 "<coap://[2001:db8:3::123]:61616/temp>;rt=\"tag:example.org,2020:temperature\"");
}

TEST(ResourceDirectory, ObserversHearOfNewResources) {  // [RFC 9176 §6.2, figure 20]
    Desk desk;
    auto request = request_of(Code::get, "/rd-lookup/res?rt=tag:example.org,2020:light");
    request.observe = true;
    auto first = desk.ask(request);
    EXPECT_TRUE(first->observe);
    EXPECT_EQ(first->code, Code::content);
    EXPECT_TRUE(first->payload.empty());
    desk.peer = at_address("2001:db8:3::124");
    desk.enter("/rd?ep=lamps",
               "</west>;rt=\"tag:example.org,2020:light\",</south>;rt=\"tag:example.org,2020:light"
               "\",</east>;rt=\"tag:example.org,2020:light\"");
    EXPECT_EQ(desk.changes(), (std::vector<std::string>{"/rd-lookup/res", "/rd-lookup/ep"}));
    request.notification = true;
    EXPECT_LINKS(as_text(desk.ask(request)->payload),
                 "<coap://[2001:db8:3::124]/west>;rt=\"tag:example.org,2020:light\","
                 "<coap://[2001:db8:3::124]/south>;rt=\"tag:example.org,2020:light\","
                 "<coap://[2001:db8:3::124]/east>;rt=\"tag:example.org,2020:light\"");
}

TEST(ResourceDirectory, PagesOfALookup) {  // [RFC 9176 §6.3, figure 21]
    Desk desk;
    desk.peer = at_address("2001:db8:3::123", 61616);
    std::string links;
    for (int i = 0; i < 12; ++i)
        links += (i == 0 ? "</res/" : ",</res/") + std::to_string(i) + ">;ct=60";
    desk.enter("/rd?ep=many", links);
    const auto page = [](int from, int to) {
        std::string text;
        for (int i = from; i < to; ++i)
            text += (i == from ? "<coap://[2001:db8:3::123]:61616/res/"
                               : ",<coap://[2001:db8:3::123]:61616/res/") +
                    std::to_string(i) + ">;ct=60";
        return text;
    };
    EXPECT_EQ(desk.get("/rd-lookup/res?page=0&count=5"), page(0, 5));
    EXPECT_EQ(desk.get("/rd-lookup/res?page=1&count=5"), page(5, 10));
    EXPECT_EQ(desk.get("/rd-lookup/res?count=5&page=2"), page(10, 12));
    EXPECT_EQ(desk.get("/rd-lookup/res?count=3"), page(0, 3));
    EXPECT_EQ(desk.get("/rd-lookup/res?page=4294967295&count=4294967295"), "");
    EXPECT_EQ(desk.get("/rd-lookup/res?count=0"), "");
    for (const char* bad : {"page=1", "count=x", "count=-1", "count=", "count", "count=1&count=2",
                            "count=4294967296", "page=1*&count=1"})
        EXPECT_EQ(desk.ask(Code::get, "/rd-lookup/res?" + std::string(bad)).code, Code::bad_request)
            << bad;
}

TEST(ResourceDirectory, ResourcesOfAllEndpointsOfAType) {  // [RFC 9176 §6.3, figure 22]
    Desk desk;
    constexpr std::string_view links =  // [RFC 6690 §5], the sixth response
        "</sensors>;ct=40;title=\"Sensor Index\",</sensors/temp>;rt=\"temperature-c\";if=\"sensor\""
        ",</sensors/light>;rt=\"light-lux\";if=\"sensor\",<http://www.example.com/sensors/t123>;"
        "anchor=\"/sensors/temp\";rel=\"describedby\",</t>;anchor=\"/sensors/temp\";"
        "rel=\"alternate\"";
    for (const std::string name : {"sensor1", "sensor2"})
        desk.enter("/rd?ep=" + name + "&et=tag:example.com,2020:platform&base=coap://" + name +
                       ".example.com",
                   links);
    desk.enter("/rd?ep=sensor3&et=tag:example.com,2020:other", links);
    EXPECT_LINKS(desk.get("/rd-lookup/res?et=tag:example.com,2020:platform"),
                 "<coap://sensor1.example.com/sensors>;ct=40;title=\"Sensor Index\","
                 "<coap://sensor1.example.com/sensors/temp>;rt=temperature-c;if=sensor,"
                 "<coap://sensor1.example.com/sensors/light>;rt=light-lux;if=sensor,"
                 "<http://www.example.com/sensors/t123>;rel=describedby;"
                 "    anchor=\"coap://sensor1.example.com/sensors/temp\","
                 "<coap://sensor1.example.com/t>;rel=alternate;"
                 "    anchor=\"coap://sensor1.example.com/sensors/temp\","
                 "<coap://sensor2.example.com/sensors>;ct=40;title=\"Sensor Index\","
                 "<coap://sensor2.example.com/sensors/temp>;rt=temperature-c;if=sensor,"
                 "<coap://sensor2.example.com/sensors/light>;rt=light-lux;if=sensor,"
                 "<http://www.example.com/sensors/t123>;rel=describedby;"
                 "    anchor=\"coap://sensor2.example.com/sensors/temp\","
                 "<coap://sensor2.example.com/t>;rel=alternate;"
                 "    anchor=\"coap://sensor2.example.com/sensors/temp\"");
}

TEST(ResourceDirectory, EndpointsOfAType) {  // [RFC 9176 §6.4, figure 23]
    Desk desk;
    desk.peer = at_address("2001:db8:3::127", 61616);
    const std::string a = desk.enter("/rd?ep=node5&et=tag:example.com,2020:platform&ct=40", "");
    desk.peer = at_address("2001:db8:3::129", 61616);
    const std::string b =
        desk.enter("/rd?ep=node7&et=tag:example.com,2020:platform&ct=40&d=floor-3&lt=7", "");
    EXPECT_LINKS(desk.get("/rd-lookup/ep?et=tag:example.com,2020:platform"),
                 "<" + a +
                     ">;base=\"coap://[2001:db8:3::127]:61616\";ep=node5;"
                     "et=\"tag:example.com,2020:platform\";ct=40;rt=core.rd-ep,<" +
                     b +
                     ">;base=\"coap://[2001:db8:3::129]:61616\";ep=node7;"
                     "et=\"tag:example.com,2020:platform\";ct=40;d=floor-3;rt=core.rd-ep");
}

TEST(ResourceDirectory, ALightingInstallation) {  // [RFC 9176 §10.1.2, figures 24 to 26]
    Desk desk;
    constexpr std::string_view lamps =
        "</light/left>;rt=\"tag:example.com,2020:light\","
        "</light/middle>;rt=\"tag:example.com,2020:light\","
        "</light/right>;rt=\"tag:example.com,2020:light\"";
    desk.enter("/rd?ep=lm_R2-4-015_wndw&base=coap://[2001:db8:4::1]&d=R2-4-015", lamps);
    desk.enter("/rd?ep=lm_R2-4-015_door&base=coap://[2001:db8:4::2]&d=R2-4-015", lamps);
    desk.enter("/rd?ep=ps_R2-4-015_door&base=coap://[2001:db8:4::3]&d=R2-4-015",
               "</ps>;rt=\"tag:example.com,2020:p-sensor\"");
    const std::string group =
        desk.enter("/rd?ep=grp_R2-4-015&et=core.rd-group&base=coap://[ff05::1]&d=R2-4-015", lamps);
    // The figure leaves the sector out of the group's registration, and half of the type out of the
    // criterion; what is meant is clear.
    EXPECT_LINKS(desk.get("/rd-lookup/ep?d=R2-4-015&et=core.rd-group"
                          "&rt=tag:example.com,2020:light"),
                 "<" + group +
                     ">;ep=grp_R2-4-015;et=core.rd-group;d=R2-4-015;"
                     "base=\"coap://[ff05::1]\";rt=core.rd-ep");
    EXPECT_EQ(desk.get("/rd-lookup/ep?d=R2-4-015&et=core.rd-group&rt=light"), "");
    EXPECT_LINKS(desk.get("/rd-lookup/res?d=R2-4-015&rt=tag:example.com,2020:p*"),
                 "<coap://[2001:db8:4::3]/ps>;rt=\"tag:example.com,2020:p-sensor\"");
}

TEST(ResourceDirectory, ResourcesInsideGroups) {  // [RFC 9176 §A, figures 27 to 29]
    Desk desk;
    const std::string group = desk.enter(
        "/rd?ep=lights&et=core.rd-group&base=coap://[ff35:30:2001:db8:f1::8000:1]",
        "</light>;rt=\"tag:example.com,2020:light\";if=\"tag:example.net,2020:actuator\","
        "</color-temperature>;if=\"tag:example.net,2020:parameter\";u=K");
    EXPECT_LINKS(desk.get("/rd-lookup/ep?et=core.rd-group"),
                 "<" + group +
                     ">;ep=lights;et=core.rd-group;"
                     "base=\"coap://[ff35:30:2001:db8:f1::8000:1]\";rt=core.rd-ep");
    EXPECT_LINKS(desk.get("/rd-lookup/res?et=core.rd-group"),
                 "<coap://[ff35:30:2001:db8:f1::8000:1]/light>;rt=\"tag:example.com,2020:light\";"
                 "if=\"tag:example.net,2020:actuator\","
                 "<coap://[ff35:30:2001:db8:f1::8000:1]/color-temperature>;"
                 "if=\"tag:example.net,2020:parameter\";u=K");
}

// ---- registering -------------------------------------------------------------------------------

TEST(ResourceDirectory, RegisteringAgainKeepsTheLocationAndReplacesTheRest) {  // [RFC 9176 §5]
    Desk desk;
    const std::string location = desk.enter("/rd?ep=a&et=x&lt=100", "</one>");
    EXPECT_EQ(desk.enter("/rd?ep=a&foo=bar", "</two>"), location);
    EXPECT_EQ(desk.get("/rd-lookup/res"), "<coap://[2001:db8::1]/two>");
    EXPECT_EQ(desk.get("/rd-lookup/ep?et=x"), "");
    EXPECT_NE(desk.enter("/rd?ep=a&d=s", "</three>"), location);  // another sector
    EXPECT_EQ(desk.directory.stats().created, 2u);
    EXPECT_EQ(desk.directory.stats().replaced, 1u);
    desk.pass(200s);  // the lifetime is the default again
    EXPECT_EQ(desk.directory.size(), 2u);
}

TEST(ResourceDirectory, TheBaseIsWhereTheRequestCameFrom) {  // [RFC 9176 §5]
    Desk desk;
    const auto base_from = [&](const Peer& peer) {
        desk.peer = peer;
        desk.enter("/rd?ep=a", "</x>");
        const std::string text = desk.get("/rd-lookup/res");
        return text.substr(1, text.size() - 4);
    };
    EXPECT_EQ(base_from(at_address("2001:db8::9")), "coap://[2001:db8::9]");
    EXPECT_EQ(base_from(at_address("2001:db8::9", 6553)), "coap://[2001:db8::9]:6553");
    EXPECT_EQ(base_from(at_address("192.0.2.7", 5684, Transport::dtls)), "coaps://192.0.2.7");
    EXPECT_EQ(base_from(at_address("192.0.2.7", 5683, Transport::dtls)), "coaps://192.0.2.7:5683");
    EXPECT_EQ(base_from(at_address("192.0.2.7", 5683, Transport::tcp)), "coap+tcp://192.0.2.7");
    EXPECT_EQ(base_from(at_address("::1", 443, Transport::wss)), "coaps+ws://[::1]");
}

TEST(ResourceDirectory, AnUpdateWithoutABaseFollowsTheSource) {  // [RFC 9176 §5.3.1]
    Desk desk;
    const std::string location = desk.enter("/rd?ep=a", "</x>");
    desk.peer = peer_at(9);
    EXPECT_EQ(desk.post(location).code, Code::changed);
    EXPECT_EQ(desk.get("/rd-lookup/res"), "<coap://[2001:db8::9]/x>");
    EXPECT_EQ(desk.post(location + "?base=coap://host").code, Code::changed);
    desk.peer = peer_at(10);
    EXPECT_EQ(desk.post(location).code, Code::changed);
    EXPECT_EQ(desk.get("/rd-lookup/res"), "<coap://host/x>");
}

TEST(ResourceDirectory, AnUpdateOverridesAttributesOfTheSameName) {  // [RFC 9176 §5.3.1]
    Desk desk;
    const std::string location = desk.enter("/rd?ep=a&et=x&et=y&foo=1&flag", "");
    EXPECT_EQ(desk.post(location + "?et=z&bar=2&ep=a").code, Code::changed);
    EXPECT_LINKS(desk.get("/rd-lookup/ep"),
                 "<" + location +
                     ">;base=\"coap://[2001:db8::1]\";ep=a;et=z;foo=1;bar=2;flag;rt=core.rd-ep");
    EXPECT_EQ(desk.post(location + "?ep=b").code, Code::bad_request);
    EXPECT_EQ(desk.post(location + "?d=b").code, Code::bad_request);
}

TEST(ResourceDirectory, AnUpdateMayBringLinks) {
    Desk desk;
    const std::string location = desk.enter("/rd?ep=a", "</x>");
    EXPECT_EQ(desk.post(location, "</y>").code, Code::changed);
    EXPECT_EQ(desk.get("/rd-lookup/res"), "<coap://[2001:db8::1]/y>");
    EXPECT_EQ(desk.post(location, "not links").code, Code::bad_request);
    EXPECT_EQ(desk.get("/rd-lookup/res"), "<coap://[2001:db8::1]/y>");  // as it was
}

TEST(ResourceDirectory, WrongParametersAreNamed) {  // [RFC 9176 §5, §9.3]
    Desk desk;
    const std::string long_name(64, 'n');
    const auto complaint = [&](const std::string& query) {
        const Response response = desk.post("/rd?" + query, "</x>");
        EXPECT_EQ(response.code, Code::bad_request) << query;
        return std::string(as_text(response.payload));
    };
    EXPECT_EQ(complaint(""), "ep is missing");
    EXPECT_EQ(complaint("ep"), "ep is empty");
    EXPECT_EQ(complaint("ep="), "ep is empty");
    EXPECT_EQ(complaint("ep=" + long_name), "ep is longer than 63 octets");
    EXPECT_EQ(complaint("ep=a&ep=a"), "ep is given twice");
    EXPECT_EQ(complaint("ep=a&d=" + long_name), "d is longer than 63 octets");
    for (const char* bad : {"a\x01", "a\x7f", "\xc2\x85", "\xff", "\xc3", "\xc0\x80",
                            "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe0\x80\x80"})
        EXPECT_EQ(complaint("ep=" + std::string(bad)),
                  "ep is not UTF-8 text without control characters");
    for (const char* bad : {"0", "4294967296", "", "-1", "1x", "+1", " 1"})
        EXPECT_EQ(complaint("ep=a&lt=" + std::string(bad)), "lt is not 1 to 4294967295") << bad;
    EXPECT_EQ(complaint("ep=a&lt=1&lt=1"), "lt is given twice");
    for (const char* bad :
         {"", "coap", "coap:", "//host", "/path", "urn:x:y", "coap://", "coap:///x",
          "coap://[fe80::1%25eth0]", "coap://[::1", "coap://[1.2.3.4]", "coap://h:x", "coap://h:0",
          "coap://h:70000", "coap://h\"x", "1c://h", "coap://a b"})
        EXPECT_TRUE(complaint("ep=a&base=" + std::string(bad)).starts_with("base is")) << bad;
    EXPECT_EQ(complaint("ep=a&base=coap://[fe80::1]"),
              "base is an address of a link that the request did not come from");
    EXPECT_EQ(complaint("ep=a&h\"x=1"), "the name of a parameter is no token");
    EXPECT_EQ(complaint("ep=a&=1"), "the name of a parameter is no token");
    EXPECT_EQ(complaint("ep=a&href=/x"), "href is no parameter of a registration");
    EXPECT_EQ(complaint("ep=a&count=1"), "count is no parameter of a registration");
    EXPECT_EQ(complaint("ep=a&x=\n"), "x is not UTF-8 text without control characters");
    std::string many = "ep=a";
    for (int i = 0; i < 17; ++i) many += "&x=" + std::to_string(i);
    EXPECT_EQ(complaint(many), "more than 16 parameters");
    EXPECT_EQ(desk.directory.size(), 0u);
    EXPECT_EQ(desk.directory.stats().refused_parameters, desk.directory.stats().requests);
}

TEST(ResourceDirectory, TheLongestAndTheOddestNamesAreTaken) {
    Desk desk;
    desk.enter("/rd?ep=" + std::string(63, 'n') + "&d=" + std::string(63, 'd') + "&lt=4294967295",
               "</x>");
    desk.enter("/rd?ep=Malm\xc3\xb6 \"\\&d=", "</temperature/Malm\xc3\xb6>");
    EXPECT_EQ(desk.get("/rd-lookup/res?ep=Malm\xc3\xb6 \"\\"),
              "<coap://[2001:db8::1]/temperature/Malm\xc3\xb6>");
    EXPECT_TRUE(desk.get("/rd-lookup/ep?ep=Malm*").contains("ep=\"Malm\xc3\xb6 \\\"\\\\\""));
    desk.pass(24h * 365);
    EXPECT_EQ(desk.directory.size(), 1u);
}

TEST(ResourceDirectory, OnlyTheLimitedLinkFormatIsTaken) {  // [RFC 9176 §5, appendix C]
    Desk desk;
    for (const char* bad : {"x", "<relative>", "<//host/x>", "<>", "<?q>", "<a b:c>", "<1:x>",
                            "</a>;anchor=\"b\"", "</a>;anchor", "</a>;anchor=\"//h\"", "</a b>",
                            "</a>,", "</\xff>", "</a>;title=\"\x01\"", "</a>;t\xfftle=x"})
        EXPECT_EQ(desk.post("/rd?ep=a", bad).code, Code::bad_request) << bad;
    EXPECT_EQ(desk.directory.stats().refused_links, desk.directory.stats().requests);
    EXPECT_EQ(as_text(desk.post("/rd?ep=a", "</a>,<b>").payload),
              "link 2: the target is no URI and does not begin with one slash");
    desk.enter("/rd?ep=a&base=coap://h/p/q",
               "</>;anchor=\"\",</a/../b/./c?x=/../y>,</..>,</d/.>,<urn:x:y>;anchor=\"coap://z\"");
    EXPECT_EQ(desk.get("/rd-lookup/res"),
              "<coap://h/>;anchor=\"coap://h\",<coap://h/b/c?x=/../y>,<coap://h/>,<coap://h/d/>,"
              "<urn:x:y>;anchor=\"coap://z\"");
}

TEST(ResourceDirectory, OtherFormatsAndMethodsAreRefused) {  // [RFC 9176 §4.2]
    Desk desk;
    auto request = request_of(Code::post, "/rd?ep=a", "</x>");
    request.options.set_uint(OptionNumber::content_format, 60);
    EXPECT_EQ(desk.ask(request)->code, Code::unsupported_content_format);
    request = request_of(Code::get, "/rd-lookup/ep");
    request.options.set_uint(OptionNumber::accept, 50);
    EXPECT_EQ(desk.ask(request)->code, Code::not_acceptable);
    request.options.set_uint(OptionNumber::accept, 40);
    EXPECT_EQ(desk.ask(request)->code, Code::content);
    request.options.add(OptionNumber::if_none_match, {});
    EXPECT_EQ(desk.ask(request)->code, Code::precondition_failed);

    const std::string location = desk.enter("/rd?ep=a", "</x>");
    for (const Code method : {Code::get, Code::put, Code::fetch, Code::patch, Code::delete_}) {
        EXPECT_EQ(desk.ask(method, "/rd").code, Code::method_not_allowed);
        EXPECT_EQ(desk.ask(method, "/.well-known/rd").code, Code::method_not_allowed);
        const char* lookup = method != Code::get ? "/rd-lookup/ep" : "/rd";
        EXPECT_EQ(desk.ask(method, lookup).code, Code::method_not_allowed);
        const std::string other = method != Code::delete_ ? location : "/rd";
        EXPECT_EQ(desk.ask(method, other).code, Code::method_not_allowed);
    }
    for (const char* nowhere_at : {"/rd/0", "/rd/x", "/rd/", "/rd/99999999999", "/rd/1"})
        EXPECT_EQ(desk.post(nowhere_at).code, Code::not_found) << nowhere_at;
    EXPECT_EQ(desk.post("/rd/0" + location.substr(4)).code, Code::not_found);
}

TEST(ResourceDirectory, WhatIsNotItsOwnIsLeftToOthers) {
    Desk desk;
    for (const char* path : {"/", "/x", "/rd-lookup", "/rd-lookup/gp", "/rd/1/2", "/.well-known",
                             "/.well-known/core", "/rdx"}) {
        EXPECT_FALSE(Directory::owns(options_of(path))) << path;
        EXPECT_FALSE(desk.ask(request_of(Code::get, path))) << path;
    }
    auto proxied = request_of(Code::post, "/rd?ep=a");
    proxied.options.add_text(OptionNumber::proxy_scheme, "coap");
    EXPECT_FALSE(desk.ask(proxied));
    EXPECT_EQ(desk.directory.stats().requests, 0u);
}

TEST(ResourceDirectory, AGroupIsAnsweredOnlyWithLinks) {  // [RFC 6690 §4.1]
    Desk desk;
    const auto ask_group = [&](Code method, std::string_view reference) {
        auto request = request_of(method, reference);
        request.multicast = true;
        return desk.ask(request);
    };
    EXPECT_FALSE(ask_group(Code::get, "/rd-lookup/res"));
    desk.out<Decline>();
    EXPECT_FALSE(ask_group(Code::post, "/rd?ep=a"));
    desk.out<Decline>();
    desk.enter("/rd?ep=a", "</x>");
    EXPECT_TRUE(ask_group(Code::get, "/rd-lookup/res"));
    EXPECT_FALSE(ask_group(Code::get, "/rd-lookup/res?rt=y"));
    EXPECT_EQ(desk.directory.stats().refused_group, 1u);
}

// ---- lookups -----------------------------------------------------------------------------------

TEST(ResourceDirectory, EveryAttributeIsACriterionOfBothLookups) {  // [RFC 9176 §6.2]
    Desk desk;
    const std::string a =
        desk.enter("/rd?ep=a&d=s1&et=t1&base=coap://a.example",
                   "</one>;rt=\"r1 r2\";if=i1;title=\"Two words\";sz=7,</two>;rt=r3;obs,"
                   "<http://x/>;rel=describedby;anchor=\"/one\"");
    const std::string b = desk.enter("/rd?ep=b&d=s2&et=t2&base=coap://b.example", "</one>;rt=r1");
    const auto links = [&](const std::string& query) {
        const auto document = parse_as<LinkFormat>(as_octets(desk.get("/rd-lookup/res?" + query)));
        std::string targets;
        for (const Link& link : document->links) targets += link.target + " ";
        return targets;
    };
    const auto endpoints = [&](const std::string& query) {
        const auto document = parse_as<LinkFormat>(as_octets(desk.get("/rd-lookup/ep?" + query)));
        std::string names;
        for (const Link& link : document->links) names += std::string(*link.find("ep"));
        return names;
    };
    const std::string a1 = "coap://a.example/one ";
    const std::string a2 = "coap://a.example/two ";
    const std::string ax = "http://x/ ";
    const std::string b1 = "coap://b.example/one ";
    EXPECT_EQ(links(""), a1 + a2 + ax + b1);
    EXPECT_EQ(links("rt=r1"), a1 + b1);
    EXPECT_EQ(links("rt=r2"), a1);
    EXPECT_EQ(links("rt=r*"), a1 + a2 + b1);
    EXPECT_EQ(links("rt=r1&d=s2"), b1);
    EXPECT_EQ(links("rt=r1&rt=r2"), a1);
    EXPECT_EQ(links("title=Two words"), a1);
    EXPECT_EQ(links("title=Two"), "");
    EXPECT_EQ(links("sz=7&if=i1"), a1);
    EXPECT_EQ(links("obs"), a2);
    EXPECT_EQ(links("rel=describedby"), ax);
    EXPECT_EQ(links("et=t2"), b1);
    EXPECT_EQ(links("et=t*&rt=r3"), a2);
    EXPECT_EQ(links("ep=a"), a1 + a2 + ax);
    EXPECT_EQ(links("ep=*"), a1 + a2 + ax + b1);
    EXPECT_EQ(links("ep=a&d=s1"), a1 + a2 + ax);
    EXPECT_EQ(links("ep=a&d=s2"), "");
    EXPECT_EQ(links("ep=a&ep=b"), "");
    EXPECT_EQ(links("ep=a&d="), "");
    EXPECT_EQ(links("base=coap://b*"), b1);
    EXPECT_EQ(links("rt=core.rd-ep"), a1 + a2 + ax + b1);
    EXPECT_EQ(links("href=coap://a.example/one"), a1);
    EXPECT_EQ(links("href=coap://a.ex*"), a1 + a2);
    EXPECT_EQ(links("href=/one"), "");  // "MUST be in URI form"
    EXPECT_EQ(links("href=" + b), b1);  // the registration of what registered it
    EXPECT_EQ(links("anchor=coap://a.example/one"), ax);
    EXPECT_EQ(links("anchor=*"), ax);
    EXPECT_EQ(links("nothing=*"), "");

    EXPECT_EQ(endpoints(""), "ab");
    EXPECT_EQ(endpoints("rt=r2"), "a");
    EXPECT_EQ(endpoints("rt=r2&rt=r3"), "a");  // not of one link, but of the endpoint
    EXPECT_EQ(endpoints("rt=r1"), "ab");
    EXPECT_EQ(endpoints("d=s2"), "b");
    EXPECT_EQ(endpoints("d=s*"), "ab");
    EXPECT_EQ(endpoints("href=" + a), "a");
    EXPECT_EQ(endpoints("href=coap://b.example/one"), "b");
    EXPECT_EQ(endpoints("count=1"), "a");
    EXPECT_EQ(endpoints("count=1&page=1"), "b");
    EXPECT_EQ(endpoints("ep=b&et=t1"), "");
}

TEST(ResourceDirectory, RegistrationsAreKnownByUrisToo) {  // [RFC 9176 §6.2]
    Directory::Settings settings;
    settings.origins = {"coap://[fd00::1]"};
    Desk desk(settings);
    const std::string location = desk.enter("/rd?ep=a", "</x>");
    EXPECT_EQ(desk.get("/rd-lookup/res?href=coap://[fd00::1]" + location),
              "<coap://[2001:db8::1]/x>");
    EXPECT_EQ(desk.get("/rd-lookup/res?href=coap://[fd00::1]/rd/*"), "<coap://[2001:db8::1]/x>");
    EXPECT_EQ(desk.get("/rd-lookup/res?href=coap://[fd00::2]" + location), "");
}

TEST(ResourceDirectory, AnUnchangedAnswerIsValidatedByItsTag) {  // [RFC 9176 §6.2]
    Desk desk;
    desk.enter("/rd?ep=a", "</x>");
    auto request = request_of(Code::get, "/rd-lookup/res");
    const Response first = *desk.ask(request);
    request.options.add(OptionNumber::etag, *first.options.find(OptionNumber::etag));
    const Response second = *desk.ask(request);
    EXPECT_EQ(second.code, Code::valid);
    EXPECT_TRUE(second.payload.empty());
    desk.enter("/rd?ep=b", "</y>");
    EXPECT_EQ(desk.ask(request)->code, Code::content);
}

TEST(ResourceDirectory, LinkLocalEndpointsAreForTheirLinkOnly) {  // [RFC 9176 §6.1, §6.4]
    Desk desk;
    desk.peer = at_address("fe80::5");
    desk.front = 1;
    desk.enter("/rd?ep=a", "</x>");
    desk.enter("/rd?ep=b&base=coap://[fe80::6]:99", "</y>");
    EXPECT_EQ(desk.get("/rd-lookup/res"), "<coap://[fe80::5]/x>,<coap://[fe80::6]:99/y>");
    desk.front = 0;
    EXPECT_EQ(desk.get("/rd-lookup/res"), "");
    desk.front = 1;
    desk.peer = peer_at(3);
    EXPECT_EQ(desk.get("/rd-lookup/res"), "");
    EXPECT_EQ(desk.get("/rd-lookup/ep?ep=a"), "");
}

TEST(ResourceDirectory, TooManyCriteriaAreRefused) {
    Desk desk;
    std::string query = "rt=*";
    for (int i = 1; i < 16; ++i) query += "&rt=*";
    EXPECT_EQ(desk.get("/rd-lookup/res?" + query), "");
    EXPECT_EQ(desk.ask(Code::get, "/rd-lookup/res?rt=*&" + query).code, Code::bad_request);
}

// ---- lifetimes ---------------------------------------------------------------------------------

TEST(ResourceDirectory, ALifetimeEndsAndCanBeTakenUpAgain) {  // [RFC 9176 §5.3]
    Desk desk;
    const std::string location = desk.enter("/rd?ep=a&lt=100", "</x>");
    desk.pass(99s);
    EXPECT_EQ(desk.directory.size(), 1u);
    EXPECT_EQ(desk.post(location).code, Code::changed);  // "resets the timeout"
    desk.pass(99s);
    EXPECT_EQ(desk.directory.size(), 1u);
    desk.pass(1s);
    EXPECT_EQ(desk.get("/rd-lookup/res"), "");
    EXPECT_EQ(desk.get("/rd-lookup/res?ep=a&d="), "");
    desk.pass(59min);
    EXPECT_EQ(desk.post(location).code, Code::changed);
    EXPECT_EQ(desk.get("/rd-lookup/res"), "<coap://[2001:db8::1]/x>");
    desk.pass(100s + 1h);
    EXPECT_EQ(desk.post(location).code, Code::not_found);
    EXPECT_EQ(desk.directory.stats().expired, 1u);
    EXPECT_EQ(desk.directory.stats().lapsed, 2u);
    EXPECT_EQ(desk.directory.octets(), 0u);
    EXPECT_EQ(desk.directory.next_deadline(), never);
}

TEST(ResourceDirectory, AHostThatIsLateShowsNothingThatIsOver) {
    Desk desk;
    desk.enter("/rd?ep=a&lt=10", "</x>");
    desk.now += 10s;
    EXPECT_EQ(desk.get("/rd-lookup/res"), "");
}

TEST(ResourceDirectory, WithoutALifetimeItIsTwentyFiveHours) {  // [RFC 9176 §5]
    Desk desk;
    desk.enter("/rd?ep=a", "</x>");
    desk.pass(25h - 1s);
    EXPECT_EQ(desk.directory.size(), 1u);
    desk.pass(1s);
    EXPECT_EQ(desk.directory.size(), 0u);
}

TEST(ResourceDirectory, AnUpdateSetsTheLifetimeForThoseAfterIt) {  // [RFC 9176 §5.3.1]
    Desk desk;
    const std::string location = desk.enter("/rd?ep=a&lt=100", "</x>");
    EXPECT_EQ(desk.post(location + "?lt=1000").code, Code::changed);
    desk.pass(900s);
    EXPECT_EQ(desk.post(location).code, Code::changed);
    desk.pass(900s);
    EXPECT_EQ(desk.directory.size(), 1u);
}

TEST(ResourceDirectory, ObserversHearOfWhatIsSeenAndNoMoreOftenThanOnceASecond) {
    Desk desk;
    const std::string location = desk.enter("/rd?ep=a&lt=100", "</x>");
    EXPECT_EQ(desk.changes().size(), 2u);
    desk.enter("/rd?ep=b&lt=1000", "</y>");
    desk.enter("/rd?ep=c&lt=1000", "</z>");
    EXPECT_TRUE(desk.changes().empty());
    desk.pass(1s);
    EXPECT_EQ(desk.changes().size(), 2u);
    desk.pass(10s);
    desk.post(location + "?lt=100");  // nobody sees a lifetime
    desk.enter("/rd?ep=b&lt=500", "</y>");
    EXPECT_TRUE(desk.changes().empty());
    desk.post(location + "?et=new");
    EXPECT_EQ(desk.changes().size(), 2u);
    desk.pass(99s);
    EXPECT_TRUE(desk.changes().empty());
    desk.pass(1s);  // its lifetime ends
    EXPECT_EQ(desk.changes().size(), 2u);
    EXPECT_EQ(desk.ask(Code::delete_, location).code, Code::deleted);
    desk.pass(2s);
    EXPECT_TRUE(desk.changes().empty());  // it was gone already
}

// ---- who may -----------------------------------------------------------------------------------

TEST(ResourceDirectory, WhatAnIdentityRegisteredIsItsOwn) {  // [RFC 9176 §7.5]
    Desk desk;
    desk.identity = "alice";
    const std::string location = desk.enter("/rd?ep=a&lt=100", "</x>");
    for (const char* other : {"mallory", "", "alice2"}) {
        desk.identity = other;
        EXPECT_EQ(desk.post("/rd?ep=a", "</evil>").code, Code::forbidden);
        EXPECT_EQ(desk.post(location + "?base=coap://evil").code, Code::forbidden);
        EXPECT_EQ(desk.ask(Code::delete_, location).code, Code::forbidden);
        EXPECT_EQ(desk.post("/.well-known/rd?ep=a").code, Code::forbidden);
        EXPECT_EQ(desk.get("/rd-lookup/res"), "<coap://[2001:db8::1]/x>");  // all may look
    }
    EXPECT_EQ(desk.directory.stats().refused_identity, 12u);
    desk.pass(100s);  // lapsed, but remembered
    EXPECT_EQ(desk.post("/rd?ep=a", "</evil>").code, Code::forbidden);
    desk.identity = "alice";
    EXPECT_EQ(desk.post(location).code, Code::changed);
    EXPECT_EQ(desk.ask(Code::delete_, location).code, Code::deleted);
    desk.identity = "bob";
    desk.enter("/rd?ep=a", "</y>");
}

TEST(ResourceDirectory, WhatNobodyRegisteredBecomesWhosesoeverProvesSomething) {
    Desk desk;
    const std::string location = desk.enter("/rd?ep=a", "</x>");
    desk.peer = peer_at(2);  // "MUST NOT be identified by its protocol, port, or IP address"
    EXPECT_EQ(desk.post(location).code, Code::changed);  // [RFC 9176 §8.2]
    desk.identity = "alice";
    EXPECT_EQ(desk.enter("/rd?ep=a", "</x>"), location);
    desk.identity = "";
    EXPECT_EQ(desk.post(location).code, Code::forbidden);
}

TEST(ResourceDirectory, LocationsOfAnEarlierLifeMeetNobody) {
    Desk first;
    Desk second;
    second.directory = Directory({}, Random(8));
    EXPECT_NE(first.enter("/rd?ep=a"), second.enter("/rd?ep=b"));
}

// ---- limits ------------------------------------------------------------------------------------

TEST(ResourceDirectory, AFullDirectoryRefusesUnlessSomethingLapsed) {
    Directory::Settings settings;
    settings.registrations_max = 3;
    Desk desk(settings);
    desk.enter("/rd?ep=a&lt=10", "</x>");
    desk.enter("/rd?ep=b&lt=1000", "</x>");
    const std::string c = desk.enter("/rd?ep=c&lt=20", "</x>");
    const Response refused = desk.post("/rd?ep=d", "</x>");
    EXPECT_EQ(refused.code, Code::service_unavailable);
    EXPECT_EQ(refused.options.uint(OptionNumber::max_age), 300u);
    EXPECT_EQ(desk.enter("/rd?ep=c&lt=20", "</y>"), c);  // takes no place
    desk.pass(30s);
    desk.enter("/rd?ep=d", "</x>");
    EXPECT_EQ(desk.directory.stats().evicted, 1u);
    EXPECT_EQ(desk.post(c).code, Code::changed);  // a lapsed before c did
    EXPECT_EQ(desk.post("/rd?ep=e", "</x>").code, Code::service_unavailable);
    EXPECT_EQ(desk.directory.stats().refused_full, 2u);
}

TEST(ResourceDirectory, OneAddressRegistersSoManyEndpoints) {
    Directory::Settings settings;
    settings.registrations_per_address_max = 2;
    Desk desk(settings);
    desk.enter("/rd?ep=a&lt=10");
    desk.enter("/rd?ep=b");
    EXPECT_EQ(desk.post("/rd?ep=c").code, Code::too_many_requests);
    desk.enter("/rd?ep=b");
    desk.peer = peer_at(2);
    desk.enter("/rd?ep=c");
    desk.peer = peer_at(1);
    EXPECT_EQ(desk.post("/rd?ep=c").code, Code::too_many_requests);  // it would move there
    desk.pass(10s);
    desk.enter("/rd?ep=d");  // in place of what lapsed
    EXPECT_EQ(desk.directory.stats().refused_address, 2u);
    EXPECT_EQ(desk.directory.stats().evicted, 1u);
}

TEST(ResourceDirectory, LinksAndOctetsAreBounded) {
    Directory::Settings settings;
    settings.links_per_registration_max = 2;
    settings.octets_max = 7000;
    Desk desk(settings);
    EXPECT_EQ(desk.post("/rd?ep=a", "</1>,</2>,</3>").code, Code::request_entity_too_large);
    const std::string location = desk.enter("/rd?ep=a&lt=10", "</1>,</2>");
    EXPECT_EQ(desk.post(location, "</1>,</2>,</3>").code, Code::request_entity_too_large);
    EXPECT_EQ(desk.directory.stats().refused_links_max, 2u);
    const std::string large = "</" + std::string(3000, 'x') + ">";
    const std::string b = desk.enter("/rd?ep=b", large);
    desk.enter("/rd?ep=c", "</x>");
    const std::size_t before = desk.directory.octets();
    EXPECT_EQ(desk.post("/rd?ep=d", large).code, Code::service_unavailable);
    EXPECT_EQ(desk.post("/rd?ep=c", large).code, Code::service_unavailable);
    EXPECT_EQ(desk.directory.octets(), before);
    EXPECT_EQ(desk.enter("/rd?ep=b", large), b);
    EXPECT_EQ(desk.directory.octets(), before);
    EXPECT_EQ(desk.directory.stats().refused_octets, 2u);
}

TEST(ResourceDirectory, AnAnswerThatIsTooLongIsRefusedNotCut) {
    Directory::Settings settings;
    settings.lookup_octets_max = 200;
    Desk desk(settings);
    for (const char* name : {"a", "b", "c", "d", "e", "f", "g", "h", "i"})
        desk.enter("/rd?ep=" + std::string(name), "</abc>");
    EXPECT_EQ(desk.ask(Code::get, "/rd-lookup/res").code, Code::bad_request);
    EXPECT_EQ(desk.directory.stats().refused_answer, 1u);
    EXPECT_NE(desk.get("/rd-lookup/res?count=3&page=1"), "");
    EXPECT_NE(desk.get("/rd-lookup/res?ep=d"), "");
}

TEST(ResourceDirectory, FindsByNameAndSectorAmongThousands) {
    Desk desk;
    for (int i = 0; i < 2000; ++i) {
        desk.peer.address[14] = std::byte(i & 0xff);
        desk.peer.address[13] = std::byte(i >> 8);
        desk.enter("/rd?ep=node" + std::to_string(i) + "&d=" + std::to_string(i % 10),
                   "</1>;rt=a,</2>;rt=b,</3>,</4>,</5>");
    }
    for (int i = 0; i < 2000; i += 7) {
        const std::string ep = "ep=node" + std::to_string(i);
        const auto lookup = [&](const std::string& query) {
            return parse_as<LinkFormat>(as_octets(desk.get("/rd-lookup/res?" + query)))
                ->links.size();
        };
        EXPECT_EQ(lookup(ep), 5u);
        EXPECT_EQ(lookup(ep + "&rt=b"), 1u);
        EXPECT_EQ(lookup(ep + "&d=" + std::to_string(i % 10)), 5u);
        EXPECT_EQ(lookup(ep + "&d=" + std::to_string((i + 1) % 10)), 0u);
    }
}

// ---- simple registration -----------------------------------------------------------------------

ResponseArrived answer_to(const Request& request, std::string_view links,
                          Code code = Code::content) {
    ResponseArrived response;
    response.id = request.id;
    response.peer = request.peer;
    response.code = code;
    response.options.add_uint(OptionNumber::content_format, 40);
    response.payload = testing::text(links);
    return response;
}

TEST(SimpleRegistration, HoldsWhenTheLinksWereFetched) {  // [RFC 9176 §5.1, figures 10 to 12]
    Desk desk;
    desk.front = 3;
    const auto asked = request_of(Code::post, "/.well-known/rd?lt=6000&ep=node1", "",
                                  at_address("2001:db8:f0::1"));
    EXPECT_FALSE(desk.ask(asked));
    auto output = desk.directory.poll_output();
    ASSERT_TRUE(output.has_value());
    EXPECT_EQ(output->front, 3u);
    const auto request = std::get<Request>(output->event);
    EXPECT_EQ(request.code, Code::get);
    EXPECT_EQ(request.peer, asked.peer);
    EXPECT_EQ(request.options.path(), "/.well-known/core");
    EXPECT_EQ(request.options.uint(OptionNumber::accept), 40u);
    EXPECT_TRUE(desk.directory.owns(request.id));
    EXPECT_FALSE(desk.directory.owns(RequestId{1}));
    EXPECT_EQ(desk.get("/rd-lookup/res"), "");  // not yet

    desk.directory.handle(desk.now, answer_to(request, "</sen/temp>"));
    output = desk.directory.poll_output();
    ASSERT_TRUE(output.has_value());
    EXPECT_EQ(output->front, 3u);
    const auto respond = std::get<Respond>(output->event);
    EXPECT_EQ(respond.exchange, asked.exchange);
    EXPECT_EQ(respond.response.code, Code::changed);
    EXPECT_EQ(desk.get("/rd-lookup/res?ep=node1"), "<coap://[2001:db8:f0::1]/sen/temp>");
    EXPECT_EQ(desk.changes().size(), 2u);
    desk.pass(6000s);  // "MUST delete registrations ... after the expiration of their lifetime"
    EXPECT_EQ(desk.directory.stats().registrations, 0u);
}

TEST(SimpleRegistration, IsAnExampleOfTheAppendix) {  // [RFC 9176 §B.2, §B.3, figures 31 to 34]
    Desk desk;
    desk.peer = at_address("2001:db8:f0::1");
    EXPECT_FALSE(
        desk.ask(request_of(Code::post, "/.well-known/rd?ep=simple-host1", "", desk.peer)));
    desk.directory.handle(
        desk.now,
        answer_to(desk.out<Request>(),
                  "</sensors/temp>;rt=temperature;ct=0,</sensors/light>;rt=light-lux;ct=0,"
                  "</t>;anchor=\"/sensors/temp\";rel=alternate,"
                  "<http://www.example.com/sensors/t123>;anchor=\"/sensors/temp\";"
                  "rel=describedby"));
    EXPECT_EQ(desk.out<Respond>().response.code, Code::changed);
    EXPECT_LINKS(desk.get("/rd-lookup/res?rt=temperature"),
                 "<coap://[2001:db8:f0::1]/sensors/temp>;rt=temperature;ct=0");
    EXPECT_LINKS(desk.get("/rd-lookup/res?ep=simple-host1"),
                 "<coap://[2001:db8:f0::1]/sensors/temp>;rt=temperature;ct=0,"
                 "<coap://[2001:db8:f0::1]/sensors/light>;rt=light-lux;ct=0,"
                 "<coap://[2001:db8:f0::1]/t>;"
                 "    anchor=\"coap://[2001:db8:f0::1]/sensors/temp\";rel=alternate,"
                 "<http://www.example.com/sensors/t123>;"
                 "    anchor=\"coap://[2001:db8:f0::1]/sensors/temp\";rel=describedby");
}

TEST(SimpleRegistration, IsRenewedWithoutAQuestionWhileTheLinksAreFresh) {  // [RFC 9176 §5.1]
    Desk desk;
    const std::string_view reference = "/.well-known/rd?ep=a&lt=100";
    EXPECT_FALSE(desk.ask(request_of(Code::post, reference)));
    auto answer = answer_to(desk.out<Request>(), "</x>");
    answer.options.add_uint(OptionNumber::max_age, 90);
    desk.directory.handle(desk.now, answer);
    desk.out<Respond>();
    desk.pass(89s);
    EXPECT_EQ(desk.post(reference).code, Code::changed);
    desk.pass(99s);
    EXPECT_EQ(desk.directory.size(), 1u);
    EXPECT_FALSE(desk.ask(request_of(Code::post, reference)));  // no longer fresh
    desk.directory.handle(desk.now, answer_to(desk.out<Request>(), "</y>"));
    EXPECT_EQ(desk.out<Respond>().response.code, Code::changed);
    EXPECT_EQ(desk.get("/rd-lookup/res"), "<coap://[2001:db8::1]/y>");
    EXPECT_EQ(desk.directory.stats().simple_renewed, 1u);
}

TEST(SimpleRegistration, HasNoLocation) {  // [RFC 9176 §5.1]
    Desk desk;
    EXPECT_FALSE(desk.ask(request_of(Code::post, "/.well-known/rd?ep=a")));
    desk.directory.handle(desk.now, answer_to(desk.out<Request>(), "</x>"));
    EXPECT_FALSE(desk.out<Respond>().response.options.has(OptionNumber::location_path));
    const auto seen = parse_as<LinkFormat>(as_octets(desk.get("/rd-lookup/ep")));
    ASSERT_EQ(seen->links.size(), 1u);
    EXPECT_EQ(desk.ask(Code::delete_, seen->links[0].target).code, Code::not_found);
}

TEST(SimpleRegistration, AFetchThatFailsRegistersNothing) {
    Desk desk;
    const auto begin = [&] {
        EXPECT_FALSE(desk.ask(request_of(Code::post, "/.well-known/rd?ep=a")));
        return desk.out<Request>();
    };
    desk.directory.handle(desk.now, RequestFailed{begin().id, Failure::timeout});
    EXPECT_EQ(desk.out<Respond>().response.code, Code::gateway_timeout);
    desk.directory.handle(desk.now, answer_to(begin(), "", Code::not_found));
    EXPECT_EQ(desk.out<Respond>().response.code, Code::bad_gateway);
    auto strange = answer_to(begin(), "[]");
    strange.options.set_uint(OptionNumber::content_format, 50);
    desk.directory.handle(desk.now, strange);
    EXPECT_EQ(desk.out<Respond>().response.code, Code::bad_gateway);
    desk.directory.handle(desk.now, answer_to(begin(), "<relative>"));
    EXPECT_EQ(desk.out<Respond>().response.code, Code::bad_request);
    const Request last = begin();
    desk.pass(100s);  // a host that says nothing at all
    EXPECT_EQ(desk.out<Respond>().response.code, Code::gateway_timeout);
    desk.directory.handle(desk.now, answer_to(last, "</late>"));
    EXPECT_FALSE(desk.directory.poll_output());
    EXPECT_EQ(desk.directory.stats().simple_failed, 4u);
    EXPECT_EQ(desk.directory.stats().registrations, 0u);
    EXPECT_TRUE(desk.directory.stats().balanced());
}

TEST(SimpleRegistration, AsksEachEndpointOnceAndFewAtATime) {
    Directory::Settings settings;
    settings.fetches_max = 2;
    Desk desk(settings);
    EXPECT_FALSE(desk.ask(request_of(Code::post, "/.well-known/rd?ep=a", "", peer_at(1))));
    const Response twice = desk.post("/.well-known/rd?ep=b");
    EXPECT_EQ(twice.code, Code::service_unavailable);
    EXPECT_TRUE(twice.options.has(OptionNumber::max_age));
    EXPECT_FALSE(desk.ask(request_of(Code::post, "/.well-known/rd?ep=b", "", peer_at(2))));
    desk.peer = peer_at(3);
    EXPECT_EQ(desk.post("/.well-known/rd?ep=c").code, Code::service_unavailable);
    EXPECT_EQ(desk.directory.stats().refused_fetches, 2u);
    EXPECT_EQ(desk.directory.stats().simple_pending, 2u);
}

TEST(SimpleRegistration, TakesNoBaseNoPayloadAndNoStream) {  // [RFC 9176 §5.1]
    Desk desk;
    EXPECT_EQ(desk.post("/.well-known/rd?ep=a&base=coap://h").code, Code::bad_request);
    EXPECT_EQ(desk.post("/.well-known/rd?ep=a", "</x>").code, Code::bad_request);
    EXPECT_EQ(desk.post("/.well-known/rd").code, Code::bad_request);
    desk.peer.transport = Transport::tcp;
    EXPECT_EQ(desk.post("/.well-known/rd?ep=a").code, Code::bad_request);
    EXPECT_FALSE(desk.directory.poll_output());
}

TEST(SimpleRegistration, LosesANameThatWasTakenMeanwhile) {
    Desk desk;
    EXPECT_FALSE(desk.ask(request_of(Code::post, "/.well-known/rd?ep=a")));
    const Request request = desk.out<Request>();
    desk.identity = "alice";
    desk.enter("/rd?ep=a", "</alice>");
    desk.directory.handle(desk.now, answer_to(request, "</other>"));
    EXPECT_EQ(desk.out<Respond>().response.code, Code::forbidden);
    EXPECT_EQ(desk.get("/rd-lookup/res"), "<coap://[2001:db8::1]/alice>");
    EXPECT_TRUE(desk.directory.stats().balanced());
}

}  // namespace
}  // namespace causeway::coap::resource_directory_test::resource_directory_test
