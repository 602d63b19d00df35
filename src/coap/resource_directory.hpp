#pragma once
// A CoRE Resource Directory [RFC 9176]: registration (§5), simple registration (§5.1), operations
// on registrations (§5.3) and both lookups (§6), in the Limited Link Format (appendix C). No
// sockets, no clock. Of what an Endpoint puts out, its share goes here before a Server has it:
//
//   if (directory.owns(arrived.options)) {
//       if (auto response = directory.handle(now, arrived, identity, front))
//           endpoint.handle(now, Respond{arrived.exchange, *response});
//   } else ...                                     // a Server
//   if (directory.owns(response.id)) directory.handle(now, response);    // RequestFailed, too
//   while (auto out = directory.poll_output())     // `out->event` is for the endpoint `out->front`
//   while (auto changed = directory.poll_changed())  // for every endpoint
//
// Whoever asks for what it owns and is told nothing at once is answered through poll_output(): a
// simple registration holds when the links were fetched, and not before.
//
//   /rd               POST           registers
//   /rd/NUMBER        POST, DELETE   updates, removes
//   /.well-known/rd   POST           simple registration
//   /rd-lookup/res    GET, observe   links, by any attribute of theirs or of their endpoint
//   /rd-lookup/ep     GET, observe   endpoints, the same way
//
// Policy is first come, first remembered [RFC 9176 §7.5]: what an identity registered, nobody else
// changes until it is gone. Left out: the order of operations by Echo (§5.3.4), which an endpoint
// that has its sources echo goes half the way to, formats but link format, and configured names.
// Deviates: criteria ep and d are held against the endpoint alone, not against attributes that a
// link may have by these names, so that both are found without a search [RFC 9176 §6.2].
#include "base/deadlines.hpp"
#include "base/outbox.hpp"
#include "base/random.hpp"
#include "base/tap.hpp"
#include "coap/by_peer.hpp"
#include "coap/resource_directory_read.hpp"
#include "coap/server.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace causeway::coap {

class ResourceDirectory {
public:
    struct Settings {
        std::uint32_t registrations_max = 10'000;  // those that lapsed are in it
        std::uint32_t registrations_per_address_max = 1'000;
        std::uint32_t links_per_registration_max = 256;
        std::uint32_t octets_max = 32u << 20;  // of all registrations, as they lie in memory
        std::uint32_t lookup_octets_max = 512u << 10;        // of one answer
        std::uint32_t fetches_max = 64;                      // simple registrations under way
        Duration fetch_timeout = std::chrono::seconds(100);  // shorter than an exchange lives
        /// How long a registration that nobody renewed can be taken up again. [RFC 9176 §5.3]
        Duration lapsed_for = std::chrono::hours(1);
        /// Observers hear of changes no more often than that.
        Duration told_every = std::chrono::seconds(1);
        /// Requests of its own are numbered from here.
        std::uint64_t first_request = std::uint64_t{0x5244} << 48;
        /// "coap://[fd00::1]": what criteria for registrations may begin with. [RFC 9176 §6.2]
        std::vector<std::string> origins{};
    };

    struct Output {
        std::uint32_t front = 0;  // as it came with the request this is about
        std::variant<Request, Respond, Decline> event;
    };

    struct Stats {
        // Every request is one of these.
        std::uint64_t requests = 0;
        std::uint64_t created = 0;
        std::uint64_t replaced = 0;  // registered again
        std::uint64_t updated = 0;
        std::uint64_t deleted = 0;
        std::uint64_t lookups = 0;
        std::uint64_t simple_renewed = 0;  // the links were fresh
        std::uint64_t simple_failed = 0;   // they could not be had
        std::uint64_t simple_pending = 0;  // a gauge: fetches under way
        std::uint64_t refused_parameters = 0;
        std::uint64_t refused_links = 0;   // no link format, or not the limited one
        std::uint64_t refused_format = 0;  // content format asked for, or given
        std::uint64_t refused_method = 0;
        std::uint64_t refused_precondition = 0;
        std::uint64_t refused_unknown = 0;   // no such registration
        std::uint64_t refused_identity = 0;  // somebody else's
        std::uint64_t refused_full = 0;      // registrations_max
        std::uint64_t refused_address = 0;   // registrations_per_address_max
        std::uint64_t refused_links_max = 0;
        std::uint64_t refused_octets = 0;  // octets_max
        std::uint64_t refused_fetches = 0;
        std::uint64_t refused_answer = 0;  // lookup_octets_max
        std::uint64_t refused_group = 0;   // asked of a group: silence

        // Every registration that came is there, or went one of these ways.
        std::uint64_t registrations = 0;  // a gauge, those that lapsed with it
        std::uint64_t lapsed = 0;         // not in balance: some of them are taken up again
        std::uint64_t expired = 0;
        std::uint64_t evicted = 0;  // lapsed, and another needed the place

        void visit(auto&& named) const {
            named("requests", requests);
            named("created", created);
            named("replaced", replaced);
            named("updated", updated);
            named("deleted", deleted);
            named("lookups", lookups);
            named("simple_renewed", simple_renewed);
            named("simple_failed", simple_failed);
            named("simple_pending", simple_pending);
            named("refused_parameters", refused_parameters);
            named("refused_links", refused_links);
            named("refused_format", refused_format);
            named("refused_method", refused_method);
            named("refused_precondition", refused_precondition);
            named("refused_unknown", refused_unknown);
            named("refused_identity", refused_identity);
            named("refused_full", refused_full);
            named("refused_address", refused_address);
            named("refused_links_max", refused_links_max);
            named("refused_octets", refused_octets);
            named("refused_fetches", refused_fetches);
            named("refused_answer", refused_answer);
            named("refused_group", refused_group);
            named("registrations", registrations);
            named("lapsed", lapsed);
            named("expired", expired);
            named("evicted", evicted);
        }
        [[nodiscard]] bool balanced() const {
            return requests == created + replaced + updated + deleted + lookups + simple_renewed +
                                   simple_failed + simple_pending + refused_parameters +
                                   refused_links + refused_format + refused_method +
                                   refused_precondition + refused_unknown + refused_identity +
                                   refused_full + refused_address + refused_links_max +
                                   refused_octets + refused_fetches + refused_answer +
                                   refused_group &&
                   created == registrations + deleted + expired + evicted;
        }
    };

    static constexpr std::string_view path = "/rd";
    static constexpr std::string_view simple_path = "/.well-known/rd";
    static constexpr std::string_view resources_path = "/rd-lookup/res";
    static constexpr std::string_view endpoints_path = "/rd-lookup/ep";
    static constexpr std::uint32_t lifetime_default = 90'000;  // seconds [RFC 9176 §5]

    /// Whoever faces the Internet seeds `random` from entropy: numbers of registrations come of it.
    ResourceDirectory(Settings settings, Random random);

    /// For Server::add(), so that /.well-known/core tells of the directory. Their handlers are not
    /// meant to be called. [RFC 9176 §4.3]
    [[nodiscard]] static std::vector<Resource> resources();

    /// Whether a request with these options is for the directory.
    [[nodiscard]] static bool owns(const Options& options) noexcept;
    /// nullopt: not for the directory or, where owns() says it is, answered by poll_output().
    /// `identity` says who proved to be asking; empty: nobody did. `front` comes back in Output.
    [[nodiscard]] std::optional<Response> handle(Instant now, const RequestArrived& request,
                                                 std::string_view identity,
                                                 std::uint32_t front = 0);

    /// Whether the request is one of poll_output()'s.
    [[nodiscard]] bool owns(RequestId id) const noexcept;
    void handle(Instant now, const ResponseArrived& response);
    void handle(Instant now, const RequestFailed& failed);

    void handle_timeout(Instant now);
    [[nodiscard]] Instant next_deadline() const noexcept;
    [[nodiscard]] std::optional<Output> poll_output() { return out_.poll(); }
    /// One change that observers of lookups should hear of.
    [[nodiscard]] std::optional<ResourceChanged> poll_changed();

    /// Registrations that lookups show.
    [[nodiscard]] std::size_t size() const noexcept { return active_; }
    /// What they and the lapsed ones take up.
    [[nodiscard]] std::size_t octets() const noexcept { return octets_; }
    [[nodiscard]] const Stats& stats() const noexcept { return stats_; }

private:
    using Address = std::array<std::byte, 16>;

    struct Registration {
        std::uint32_t number = 0;  // in its location; 0: none
        std::uint32_t lifetime = lifetime_default;
        std::string endpoint;
        std::string sector;
        RegistrationBase base;
        std::vector<LinkAttribute> attributes;
        LinkFormat links;  // as they came, but for dot segments
        std::string identity;
        Address address{};
        std::uint32_t front = 0;
        bool base_given = false;
        bool simple = false;
        bool active = false;    // in lookups
        bool lapsed = false;    // not renewed in time
        Instant fresh_until{};  // of links that were fetched
        Peer fetched_from{};
        std::size_t octets = 0;

        [[nodiscard]] std::size_t footprint() const noexcept;
        /// What lookups show of both is the same.
        [[nodiscard]] bool looks_like(const Registration& other) const noexcept;
    };

    /// A registration that is wanted, complete but for its place.
    struct Wanted {
        RegistrationParameters parameters;
        LinkFormat links;
        std::string identity;
        Peer peer;
        std::uint32_t front = 0;
        bool simple = false;
        Instant fresh_until{};
    };

    struct Fetch {
        RequestId id{};
        ExchangeId exchange{};
        Wanted wanted;
        Instant due{};
    };

    struct Query;  // a lookup's criteria

    [[nodiscard]] std::optional<Response> dispatch(Instant now, const RequestArrived& request,
                                                   std::string_view identity, std::uint32_t front);
    [[nodiscard]] Response register_links(Instant now, const RequestArrived& request,
                                          std::string_view identity, std::uint32_t front);
    [[nodiscard]] std::optional<Response> register_simply(Instant now,
                                                          const RequestArrived& request,
                                                          std::string_view identity,
                                                          std::uint32_t front);
    [[nodiscard]] Response operate(Instant now, const RequestArrived& request,
                                   std::string_view identity, std::uint32_t front);
    [[nodiscard]] Response update(Instant now, std::uint32_t at, const RequestArrived& request,
                                  std::uint32_t front);
    [[nodiscard]] Response look_up(const RequestArrived& request, std::uint32_t front,
                                   bool endpoints);

    [[nodiscard]] Response refuse(std::uint64_t& counter, Code code, std::string_view diagnostic,
                                  std::uint32_t wait_seconds = 0);
    // What follows says what stands in the way, if anything does.
    [[nodiscard]] std::optional<Response> read_links(Bytes payload, LinkFormat& links);
    [[nodiscard]] std::optional<Response> set_base(Registration& r,
                                                   const std::optional<std::string>& base,
                                                   const Peer& peer, std::uint32_t front);
    [[nodiscard]] std::optional<Response> guard(std::uint32_t at, std::string_view identity);
    [[nodiscard]] std::optional<Response> store(Instant now, Wanted&& wanted, std::uint32_t& at);
    [[nodiscard]] std::optional<Response> make_room(const Registration& fresh, std::uint32_t at);
    /// In place of what is at `at`, or at a new place if that is nowhere.
    [[nodiscard]] std::optional<Response> commit(Instant now, Registration&& fresh,
                                                 std::uint32_t& at);

    [[nodiscard]] std::uint64_t hash_of(std::string_view endpoint,
                                        std::string_view sector) const noexcept;
    [[nodiscard]] std::uint32_t find(std::string_view endpoint, std::string_view sector) const;
    [[nodiscard]] std::uint32_t find(std::uint32_t number) const;
    [[nodiscard]] std::uint64_t hash_of(const Address& address) const noexcept;
    [[nodiscard]] std::uint32_t draw_number();
    [[nodiscard]] bool evict(std::uint32_t but);
    void renew(Instant now, std::uint32_t at);
    void end(Instant now, std::uint32_t at);
    void remove(std::uint32_t at);
    void changed(Instant now);
    void tell(Instant now);
    [[nodiscard]] std::size_t fetch_of(RequestId id) const noexcept;
    void end_fetch(std::size_t index, Response response);

    /// Calls for each registration that may answer the query, in order, until it returns false.
    template <class Visit>
    void walk(const Query& query, Visit&& visit);
    [[nodiscard]] static Link link_of(const Registration& r);
    [[nodiscard]] static Link resolved(const Registration& r, const Link& link);

    Settings settings_;
    Random random_;
    TextHash hash_;
    Pool<Registration> all_;
    FlatIndex by_number_;
    FlatIndex by_name_;                   // of endpoint and sector
    Grouped<std::uint64_t> by_endpoint_;  // the hash of its name alone
    Grouped<std::uint64_t> by_sector_;
    Grouped<Address> by_address_;
    Deadlines due_;
    Recency lapsed_;  // longest first
    std::vector<Fetch> fetches_;
    std::uint64_t last_request_ = 0;
    std::size_t octets_ = 0;
    std::size_t active_ = 0;
    unsigned untold_ = 0;  // lookups whose observers were not told: bit 0 res, bit 1 ep
    bool held_ = false;    // something changed, and it is too early to say so
    Instant quiet_until_{};
    Outbox<Output> out_;
    Stats stats_;
};

}  // namespace causeway::coap
