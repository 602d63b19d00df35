#include "coap/registrant.hpp"

#include "coap/resource_directory.hpp"
#include "coap/testing.hpp"

#include <gtest/gtest.h>

namespace causeway::coap::registrant_test::registrant_test {
namespace {

using namespace std::chrono_literals;
using testing::peer_at;
using testing::start;

const Peer home = peer_at(1);

Registrant::Settings settings_of(std::uint32_t lifetime = 90'000) {
    Registrant::Settings settings;
    settings.endpoint = "node1";
    settings.lifetime = lifetime;
    return settings;
}

/// A registrant whose requests are looked at and answered by hand.
struct Hand {
    explicit Hand(Registrant::Settings settings = settings_of(), std::uint64_t seed = 1)
        : registrant(std::move(settings), Random(seed)) {}

    void give(Registrant::Input in) {
        registrant.handle(now, std::move(in));
        EXPECT_TRUE(registrant.stats().balanced());
    }
    /// At the next deadline; how long that took.
    Duration wait() {
        EXPECT_NE(registrant.next_deadline(), never);
        const Duration waited = registrant.next_deadline() - now;
        now += waited;
        registrant.handle_timeout(now);
        return waited;
    }
    Request asked() {
        auto request = registrant.poll_output();
        EXPECT_TRUE(request.has_value());
        if (request) last = *request;
        return last;
    }
    bool silent() { return !registrant.poll_output(); }
    void answer(Code code, std::string_view location = "", std::optional<std::uint32_t> age = {}) {
        ResponseArrived response;
        response.id = last.id;
        response.code = code;
        while (!location.empty()) {
            location.remove_prefix(1);
            const std::size_t end = std::min(location.find('/'), location.size());
            response.options.add_text(OptionNumber::location_path, location.substr(0, end));
            location.remove_prefix(end);
        }
        if (age) response.options.add_uint(OptionNumber::max_age, *age);
        give(std::move(response));
    }
    void fail() { give(RequestFailed{last.id, Failure::timeout}); }
    void begin() {
        give(Registrant::Start{home, "</x>"});
        wait();
        asked();
        answer(Code::created, "/rd/4521");
    }

    Registrant registrant;
    Instant now = start;
    Request last;
};

std::string query_of(const Request& request) {
    std::string text;
    for (const Option option : request.options)
        if (option.number == OptionNumber::uri_query)
            text += (text.empty() ? "" : "&") + std::string(option.as_text());
    return text;
}

TEST(Registrant, RegistersWhatItWasGiven) {  // [RFC 9176 §5]
    auto settings = settings_of(500);
    settings.sector = "floor-3";
    settings.base = "coap://[fd00::1]";
    settings.attributes = {"et=oic.d.sensor", "x"};
    Hand hand(settings);
    EXPECT_EQ(hand.registrant.next_deadline(), never);
    hand.give(Registrant::Start{home, "</sensors/temp>;rt=\"t\""});
    EXPECT_TRUE(hand.silent());
    EXPECT_LT(hand.wait(), 10s);  // nodes that start at once do not register at once
    const Request request = hand.asked();
    EXPECT_EQ(request.peer, home);
    EXPECT_EQ(request.code, Code::post);
    EXPECT_EQ(request.options.path(), "/rd");
    EXPECT_EQ(query_of(request),
              "ep=node1&d=floor-3&lt=500&base=coap://[fd00::1]&et=oic.d.sensor&x");
    EXPECT_EQ(request.options.uint(OptionNumber::content_format), 40u);
    EXPECT_EQ(as_text(request.payload), "</sensors/temp>;rt=\"t\"");
    EXPECT_TRUE(hand.registrant.owns(request.id));
    EXPECT_FALSE(hand.registrant.is_registered(hand.now));
    hand.answer(Code::created, "/rd/4521");
    EXPECT_TRUE(hand.registrant.is_registered(hand.now));
    EXPECT_FALSE(hand.registrant.is_registered(hand.now + 500s));
}

TEST(Registrant, TheDefaultLifetimeGoesUnsaid) {
    Hand hand;
    hand.give(Registrant::Start{home, ""});
    hand.wait();
    EXPECT_EQ(query_of(hand.asked()), "ep=node1");
}

TEST(Registrant, RenewsBeforeTheLifetimeEndsAndNotAllAtOnce) {  // [RFC 9176 §5.3.1, figure 13]
    std::vector<Duration> waits;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        Hand hand(settings_of(), seed);
        hand.begin();
        waits.push_back(hand.wait());
        const Request request = hand.asked();
        EXPECT_EQ(request.code, Code::post);
        EXPECT_EQ(request.options.path(), "/rd/4521");
        EXPECT_EQ(query_of(request), "");
        EXPECT_TRUE(request.payload.empty());
        hand.answer(Code::changed);
        EXPECT_TRUE(hand.registrant.is_registered(hand.now + 89'999s));
        hand.wait();
        EXPECT_EQ(hand.asked().options.path(), "/rd/4521");
        EXPECT_EQ(hand.registrant.stats().renewed, 1u);
    }
    const auto [first, last] = std::ranges::minmax(waits);
    EXPECT_GE(first, 70'000s);
    EXPECT_LE(last, 81'000s);
    EXPECT_GT(last - first, 5'000s);
}

TEST(Registrant, ShortLifetimesAreRenewedInTime) {
    for (const std::uint32_t lifetime : {1u, 2u, 60u, 300u, 3600u}) {
        Hand hand(settings_of(lifetime));
        hand.begin();
        const Duration waited = hand.wait();
        EXPECT_LE(waited, std::chrono::seconds(lifetime) * 0.94);
        EXPECT_GE(waited, std::chrono::seconds(lifetime) * 0.43);
    }
}

TEST(Registrant, RegistersAnewWhenTheDirectoryForgot) {  // [RFC 9176 §5.3.1]
    Hand hand;
    hand.begin();
    hand.wait();
    hand.asked();
    hand.answer(Code::not_found);
    EXPECT_FALSE(hand.registrant.is_registered(hand.now));
    const Request again = hand.asked();
    EXPECT_EQ(again.options.path(), "/rd");
    EXPECT_EQ(as_text(again.payload), "</x>");
    hand.answer(Code::created, "/rd/9");
    hand.wait();
    EXPECT_EQ(hand.asked().options.path(), "/rd/9");
}

TEST(Registrant, BacksOffFromAMinuteToAnHourWhileNobodyAnswers) {  // [RFC 9176 §4.1]
    Hand hand;
    hand.give(Registrant::Start{home, "</x>"});
    hand.wait();
    for (const Duration least : {1min, 2min, 4min, 8min, 16min, 32min, 60min, 60min}) {
        hand.asked();
        hand.fail();
        const Duration waited = hand.wait();
        EXPECT_GE(waited, least);
        EXPECT_LE(waited, least * 5 / 4);
    }
    EXPECT_EQ(hand.asked().options.path(), "/rd");
    hand.answer(Code::created, "/rd/1");
    hand.wait();
    hand.asked();
    hand.fail();
    EXPECT_LE(hand.wait(), 75s);  // from the beginning
    EXPECT_EQ(hand.asked().options.path(), "/rd");
}

TEST(Registrant, LeavesABusyDirectoryAloneForAsLongAsItAsks) {  // [RFC 9176 §4]
    Hand hand;
    hand.give(Registrant::Start{home, "</x>"});
    hand.wait();
    hand.asked();
    hand.answer(Code::service_unavailable, "", 300);
    EXPECT_GE(hand.wait(), 300s);
    hand.asked();
    hand.answer(Code::service_unavailable, "", 0xffffffff);
    EXPECT_LE(hand.wait(), 24h + 2min);
    hand.asked();
    hand.answer(Code::forbidden, "", 5000);  // no wish, but an age
    EXPECT_LE(hand.wait(), 5min);
    EXPECT_EQ(hand.registrant.stats().refused, 3u);
}

TEST(Registrant, OtherLinksAreRegisteredAtOnce) {
    Hand hand;
    hand.begin();
    hand.give(Registrant::LinksChanged{"</x>"});
    EXPECT_TRUE(hand.silent());  // the same
    hand.give(Registrant::LinksChanged{"</y>"});
    EXPECT_EQ(as_text(hand.asked().payload), "</y>");
    hand.give(Registrant::LinksChanged{"</z>"});
    EXPECT_TRUE(hand.silent());  // one at a time
    hand.answer(Code::created, "/rd/4521");
    EXPECT_EQ(as_text(hand.asked().payload), "</z>");
    hand.answer(Code::created, "/rd/4521");
    EXPECT_TRUE(hand.silent());

    hand.wait();  // and while it renews
    hand.asked();
    hand.give(Registrant::LinksChanged{"</w>"});
    hand.answer(Code::changed);
    EXPECT_EQ(as_text(hand.asked().payload), "</w>");
}

TEST(Registrant, OtherLinksDoNotBreakABackOff) {
    Hand hand;
    hand.give(Registrant::Start{home, "</x>"});
    hand.wait();
    hand.asked();
    hand.fail();
    hand.give(Registrant::LinksChanged{"</y>"});
    EXPECT_TRUE(hand.silent());
    EXPECT_GE(hand.wait(), 1min);
    EXPECT_EQ(as_text(hand.asked().payload), "</y>");
}

TEST(Registrant, StoppingTakesTheRegistrationBack) {  // [RFC 9176 §5.3.2]
    Hand hand;
    hand.begin();
    hand.give(Registrant::Stop{});
    const Request request = hand.asked();
    EXPECT_EQ(request.code, Code::delete_);
    EXPECT_EQ(request.options.path(), "/rd/4521");
    hand.give(Registrant::Stop{});
    EXPECT_TRUE(hand.silent());
    hand.answer(Code::deleted);
    EXPECT_FALSE(hand.registrant.is_registered(hand.now));
    EXPECT_EQ(hand.registrant.next_deadline(), never);
    EXPECT_EQ(hand.registrant.stats().removed, 1u);
    hand.begin();  // and once more
    EXPECT_TRUE(hand.registrant.is_registered(hand.now));
}

TEST(Registrant, StoppingWhileItRegistersWaitsForTheLocation) {
    Hand hand;
    hand.give(Registrant::Start{home, "</x>"});
    hand.wait();
    hand.asked();
    hand.give(Registrant::Stop{});
    EXPECT_TRUE(hand.silent());
    hand.answer(Code::created, "/rd/7");
    const Request request = hand.asked();
    EXPECT_EQ(request.code, Code::delete_);
    EXPECT_EQ(request.options.path(), "/rd/7");
    hand.fail();
    EXPECT_EQ(hand.registrant.next_deadline(), never);  // it will end by itself

    hand.give(Registrant::Start{home, "</x>"});
    hand.give(Registrant::Stop{});  // before anything was said
    EXPECT_TRUE(hand.silent());
    EXPECT_EQ(hand.registrant.next_deadline(), never);
}

TEST(Registrant, AnotherDirectoryStartsItOver) {
    Hand hand;
    hand.give(Registrant::Start{home, "</x>"});
    hand.wait();
    const Request old = hand.asked();
    hand.give(Registrant::Start{peer_at(2), "</x>"});
    hand.answer(Code::created, "/rd/1");  // of the first: too late
    EXPECT_FALSE(hand.registrant.is_registered(hand.now));
    hand.wait();
    EXPECT_EQ(hand.asked().peer, peer_at(2));
    hand.answer(Code::created, "/rd/2");
    EXPECT_EQ(hand.registrant.stats().abandoned, 1u);
    hand.give(Registrant::Start{peer_at(2), "</x>"});  // nothing new
    EXPECT_TRUE(hand.silent());
    EXPECT_TRUE(hand.registrant.is_registered(hand.now));
}

TEST(Registrant, ALocationThatIsNoneIsDoneWithout) {
    Hand hand;
    hand.give(Registrant::Start{home, "</x>"});
    hand.wait();
    hand.asked();
    hand.answer(Code::created);
    hand.wait();
    EXPECT_EQ(hand.asked().options.path(), "/rd");
    hand.answer(Code::created, "/1/2/3/4/5/6/7/8/9");
    hand.give(Registrant::Stop{});
    EXPECT_TRUE(hand.silent());
}

TEST(Registrant, AnswersToNothingAreNothing) {
    Hand hand;
    hand.give(ResponseArrived{});
    hand.give(RequestFailed{RequestId{1}, Failure::timeout});
    hand.begin();
    hand.answer(Code::not_found);  // twice to one request
    hand.fail();
    hand.registrant.handle_timeout(hand.now);  // early
    EXPECT_TRUE(hand.silent());
    EXPECT_TRUE(hand.registrant.is_registered(hand.now));
    EXPECT_EQ(hand.registrant.stats().requests, 1u);
}

// ---- against a directory -----------------------------------------------------------------------

/// Nodes and a directory, with nothing between them but a switch.
struct Site {
    explicit Site(std::size_t count, std::uint32_t lifetime)
        : directory(ResourceDirectory::Settings{}, Random(5)) {
        for (std::size_t i = 0; i < count; ++i) {
            auto settings = settings_of(lifetime);
            settings.endpoint = "node" + std::to_string(i);
            nodes.emplace_back(std::move(settings), Random(100 + i));
        }
    }
    void carry() {
        for (std::size_t i = 0; i < nodes.size(); ++i)
            while (auto request = nodes[i].poll_output()) {
                ++requests;
                if (!up) {
                    nodes[i].handle(now, RequestFailed{request->id, Failure::timeout});
                    continue;
                }
                RequestArrived arrived;
                arrived.peer = peer_at(static_cast<std::uint8_t>(10 + i));
                arrived.method = request->code;
                arrived.options = request->options;
                arrived.payload = request->payload;
                const auto response = directory.handle(now, arrived, "");
                ASSERT_TRUE(response.has_value());
                nodes[i].handle(now, ResponseArrived{.id = request->id,
                                                     .peer = home,
                                                     .code = response->code,
                                                     .options = response->options,
                                                     .payload = response->payload});
            }
    }
    void run(Duration span) {
        const Instant until = now + span;
        carry();
        for (int steps = 0; steps < 100'000; ++steps) {
            Instant next = directory.next_deadline();
            for (const Registrant& node : nodes) next = std::min(next, node.next_deadline());
            if (next > until) break;
            now = next;
            if (directory.next_deadline() <= now) directory.handle_timeout(now);
            for (Registrant& node : nodes)
                if (node.next_deadline() <= now) node.handle_timeout(now);
            carry();
        }
        now = until;
        EXPECT_TRUE(directory.stats().balanced());
        for (const Registrant& node : nodes) EXPECT_TRUE(node.stats().balanced());
    }
    void start_all() {
        for (Registrant& node : nodes) node.handle(now, Registrant::Start{home, "</x>,</y>"});
    }
    std::string look_up(std::string_view query) {
        RequestArrived request;
        request.peer = peer_at(3);
        request.options.add_path("/rd-lookup/res");
        request.options.add_text(OptionNumber::uri_query, query);
        return std::string(as_text(directory.handle(now, request, "")->payload));
    }

    ResourceDirectory directory;
    std::vector<Registrant> nodes;
    Instant now = start;
    bool up = true;
    int requests = 0;
};

TEST(RegistrantAndDirectory, ManyNodesStayRegisteredForAWeek) {
    Site site(50, 3600);
    site.start_all();
    site.run(10s);
    EXPECT_EQ(site.directory.size(), 50u);
    for (int day = 0; day < 7; ++day) {
        site.run(24h);
        EXPECT_EQ(site.directory.size(), 50u);
    }
    EXPECT_EQ(site.directory.stats().created, 50u);
    EXPECT_EQ(site.directory.stats().lapsed, 0u);
    EXPECT_LT(site.directory.stats().updated, 50u * 7 * 24 * 3 / 2);
    EXPECT_EQ(site.look_up("ep=node7"), "<coap://[2001:db8::11]/x>,<coap://[2001:db8::11]/y>");
}

TEST(RegistrantAndDirectory, AfterAnOutageAllComeBack) {
    Site site(20, 600);
    site.start_all();
    site.run(1h);
    site.up = false;
    site.run(5h);
    EXPECT_EQ(site.directory.size(), 0u);
    EXPECT_EQ(site.directory.stats().registrations, 0u);
    const int before = site.requests;
    site.run(5h);
    EXPECT_LE(site.requests - before, 20 * 6);  // they do not insist
    site.up = true;
    site.run(75min);
    EXPECT_EQ(site.directory.size(), 20u);
}

TEST(RegistrantAndDirectory, ADirectoryThatStartsAnewIsFilledAgain) {
    Site site(10, 600);
    site.start_all();
    site.run(1h);
    site.directory = ResourceDirectory({}, Random(6));
    site.run(600s);
    EXPECT_EQ(site.directory.size(), 10u);
    EXPECT_EQ(site.directory.stats().refused_unknown, 10u);
}

TEST(RegistrantAndDirectory, LinksThatChangeAndNodesThatLeaveAreSeenAtOnce) {
    Site site(2, 600);
    site.start_all();
    site.run(1h);
    site.nodes[0].handle(site.now, Registrant::LinksChanged{"</new>"});
    site.nodes[1].handle(site.now, Registrant::Stop{});
    site.run(0s);
    EXPECT_EQ(site.look_up("ep=*"), "<coap://[2001:db8::a]/new>");
    EXPECT_EQ(site.directory.stats().deleted, 1u);
}

}  // namespace
}  // namespace causeway::coap::registrant_test::registrant_test
