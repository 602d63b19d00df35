#pragma once
// The resources that the CoAP plugtests of ETSI ask of a server, and a few that show what a client
// makes of formats: `causeway coap serve --test`.
#include "coap/server.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace causeway::cli {

class TestBed {
public:
    /// What is known of a peer, for /secure: nothing, where nobody proved anything.
    using WhoIs = std::function<std::string(const coap::Peer&)>;

    explicit TestBed(WhoIs who_is);
    TestBed(const TestBed&) = delete;
    TestBed& operator=(const TestBed&) = delete;

    [[nodiscard]] bool has(const coap::Options& options) const;
    [[nodiscard]] std::optional<coap::Response> handle(const coap::RequestArrived& request);
    /// Whether the answer should come later than an acknowledgement can wait.
    [[nodiscard]] static bool is_separate(const coap::Options& options);
    /// Everything that changes by itself changes now.
    void tick();
    [[nodiscard]] std::optional<coap::ResourceChanged> poll_changed();
    [[nodiscard]] coap::LinkFormat links() const { return server_.links(); }

private:
    struct Stored {
        coap::ContentFormat format = coap::ContentFormat::text_plain;
        Octets contents;
        bool there = true;
    };

    void add_plain(std::string path, std::string text, std::string type = {});
    void add_stored(const std::string& path, std::string text, bool observable = false);
    void add_core();
    void add_links();
    void add_blocks();
    void add_observed();
    void add_formats();
    coap::Response store(Stored& stored, const coap::RequestView& request);
    coap::Response create_below(const std::string& parent, const coap::RequestView& request);
    coap::Response observed_now(const std::string& path);

    WhoIs who_is_;
    coap::Server server_;
    std::map<std::string, Stored> stored_;
    std::vector<std::string> paths_;    // all, for has()
    std::vector<std::string> created_;  // by others, the oldest first
    std::uint64_t ticks_ = 0;
    std::uint64_t number_ = 0;
};

}  // namespace causeway::cli
