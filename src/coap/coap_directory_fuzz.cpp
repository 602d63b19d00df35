// Any sequence of requests to a resource directory with small limits, of answers to its own, and of
// time; what it shows must be link format in the limited form, and its books must balance. Two
// registrants live beside it and get any answers at all.
#include "coap/registrant.hpp"
#include "coap/resource_directory.hpp"
#include "coap/testing.hpp"

using namespace causeway;
using namespace causeway::coap;

namespace {

class DirectorySession {
public:
    explicit DirectorySession(Bytes script)
        : script_(script),
          directory_(settings(), Random(1)),
          registrant_({.endpoint = "r", .lifetime = 100}, Random(2)) {}

    void run() {
        for (int steps = 0; script_.more() && steps < 300; ++steps) {
            step();
            drain();
            check();
        }
        for (int steps = 0; steps < 100 && directory_.next_deadline() != never; ++steps) {
            tick();
            check();
        }
        CAUSEWAY_ASSERT(directory_.octets() == 0 || directory_.next_deadline() != never);
    }

private:
    static ResourceDirectory::Settings settings() {
        ResourceDirectory::Settings s;
        s.registrations_max = 6;
        s.registrations_per_address_max = 4;
        s.links_per_registration_max = 4;
        s.octets_max = 8000;
        s.lookup_octets_max = 600;
        s.fetches_max = 2;
        return s;
    }

    void tick() {
        const Instant due = directory_.next_deadline();
        if (due == never) return;
        now_ = std::max(now_, due);
        directory_.handle_timeout(now_);
        CAUSEWAY_ASSERT(directory_.next_deadline() > due);
    }

    void step() {
        switch (script_.u8() % 10) {
            case 0:
                return tick();
            case 1:
                now_ += std::chrono::seconds(script_.u8());
                if (script_.u8() % 2 == 0) directory_.handle_timeout(now_);
                return;
            case 2:
                return answer_fetch();
            case 3:
                return feed_registrant();
            default:
                return ask();
        }
    }

    std::string_view text(std::size_t octets_max) {
        const std::size_t size = script_.u8() % (octets_max + 1);
        return as_text(script_.take(std::min(size, script_.remaining())));
    }

    std::string argument() {
        static constexpr std::array<std::string_view, 14> beginnings{
            "ep=a",  "ep=b",   "d=s",    "lt=",  "base=coap://h", "base=", "et=x",
            "href=", "count=", "page=0", "rt=*", "anchor=",       "",      "href=coap://h/*"};
        const std::string_view beginning = beginnings[script_.u8() % beginnings.size()];
        return std::string(beginning) + (script_.u8() % 4 == 0 ? std::string(text(12)) : "");
    }

    std::string links() {
        static constexpr std::array<std::string_view, 6> known{
            "</a>;rt=\"x y\";ct=40", "</b/../c>;anchor=\"/a\"", "<urn:x>;rel=z;hreflang=en",
            "</d>;title*=a'b'c;obs", "</e>;anchor=\"\";sz=9",   "<f>"};
        std::string document;
        for (unsigned n = script_.u8() % 4; n != 0; --n) {
            if (!document.empty()) document += ',';
            const unsigned which = script_.u8() % (known.size() + 1);
            document += which < known.size() ? known[which] : text(30);
        }
        return document;
    }

    void ask() {
        RequestArrived request;
        request.exchange = ExchangeId{++last_};
        request.peer = testing::peer_at(static_cast<std::uint8_t>(script_.u8() % 3));
        if (script_.u8() % 8 == 0) request.peer.address[0] = std::byte{0xfe};
        if (request.peer.address[0] == std::byte{0xfe}) request.peer.address[1] = std::byte{0x80};
        static constexpr std::array<std::string_view, 6> paths{
            "/rd", "/rd", "/rd-lookup/res", "/rd-lookup/ep", "/.well-known/rd", "/rd/1"};
        const unsigned path = script_.u8() % (paths.size() + 2);
        request.options.add_path(path < paths.size() ? paths[path] : location_);
        const unsigned wanted = script_.u8();
        const bool lookup = path == 2 || path == 3;
        request.method = (wanted & 1u) != 0 ? Code{static_cast<std::uint8_t>(1 + (wanted >> 5u))}
                                            : (lookup ? Code::get : Code::post);
        request.multicast = (wanted & 6u) == 6;
        for (unsigned n = (wanted >> 3u) % 4; n != 0; --n)
            request.options.add_text(OptionNumber::uri_query, argument());
        if (script_.u8() % 4 == 0) request.options.add_uint(OptionNumber::content_format, 40);
        if (!lookup && path != 4) request.payload = testing::text(links());
        static constexpr std::array<std::string_view, 3> identities{"", "", "alice"};
        const auto response =
            directory_.handle(now_, request, identities[script_.u8() % 3], script_.u8() % 2);
        if (!response) return;
        CAUSEWAY_ASSERT(is_response(response->code));
        if (response->code == Code::created) {
            location_.clear();
            for (const Option option : response->options)
                if (option.number == OptionNumber::location_path)
                    location_ += '/' + std::string(option.as_text());
        }
        if (lookup && response->code == Code::content) {
            CAUSEWAY_ASSERT(response->payload.size() <= 600);
            const auto shown = limited_links(response->payload);
            CAUSEWAY_ASSERT(shown.has_value());
            for (const Link& link : shown->links)
                CAUSEWAY_ASSERT(path == 3 || link.target.front() != '/');
        }
    }

    void answer_fetch() {
        if (fetches_.empty()) return;
        const RequestId id = fetches_[script_.u8() % fetches_.size()];
        if (script_.u8() % 4 == 0)
            return directory_.handle(now_, RequestFailed{id, Failure::timeout});
        ResponseArrived response;
        response.id = id;
        response.code = script_.u8() % 4 == 0 ? Code{script_.u8()} : Code::content;
        if (script_.u8() % 2 == 0) response.options.add_uint(OptionNumber::max_age, script_.u8());
        response.payload = testing::text(links());
        directory_.handle(now_, response);
    }

    void feed_registrant() {
        switch (script_.u8() % 6) {
            case 0:
                return registrant_.handle(
                    now_, Registrant::Start{testing::peer_at(script_.u8() % 2), links()});
            case 1:
                return registrant_.handle(now_, Registrant::Stop{});
            case 2:
                return registrant_.handle(now_, Registrant::LinksChanged{links()});
            case 3: {
                ResponseArrived response;
                response.id = asked_;
                response.code = Code{script_.u8()};
                for (unsigned n = script_.u8() % 12; n != 0; --n)
                    response.options.add_text(OptionNumber::location_path, text(8));
                response.options.add_uint(OptionNumber::max_age, script_.u8());
                return registrant_.handle(now_, std::move(response));
            }
            case 4:
                return registrant_.handle(now_, RequestFailed{asked_, Failure::timeout});
            default: {
                const Instant due = registrant_.next_deadline();
                if (due == never) return;
                now_ = std::max(now_, due);
                registrant_.handle_timeout(now_);
                CAUSEWAY_ASSERT(registrant_.next_deadline() > due);
            }
        }
    }

    void drain() {
        while (auto out = directory_.poll_output())
            if (const auto* request = std::get_if<Request>(&out->event)) {
                fetches_.push_back(request->id);
                if (fetches_.size() > 4) fetches_.erase(fetches_.begin());
            }
        int changes = 0;
        while (directory_.poll_changed()) CAUSEWAY_ASSERT(++changes <= 2);
        int requests = 0;
        while (const auto request = registrant_.poll_output()) {
            CAUSEWAY_ASSERT(++requests <= 1);
            asked_ = request->id;
        }
    }

    void check() const {
        CAUSEWAY_ASSERT(directory_.stats().balanced());
        CAUSEWAY_ASSERT(registrant_.stats().balanced());
        CAUSEWAY_ASSERT(directory_.octets() <= 8000);
        CAUSEWAY_ASSERT(directory_.stats().registrations <= 6);
        CAUSEWAY_ASSERT(directory_.size() <= directory_.stats().registrations);
        CAUSEWAY_ASSERT(directory_.stats().simple_pending <= 2);
    }

    ByteReader script_;
    Instant now_ = testing::start;
    ResourceDirectory directory_;
    Registrant registrant_;
    std::uint64_t last_ = 0;
    std::string location_ = "/rd/2";
    std::vector<RequestId> fetches_;
    RequestId asked_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    DirectorySession(std::as_bytes(std::span(data, size))).run();
    return 0;
}
