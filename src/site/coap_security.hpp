#pragma once
// The gateway's OSCORE contexts: with its clients, from files or made by EDHOC, and with the nodes
// of the mesh. Their sequence numbers are kept. [RFC 8613; RFC 9528]
#include "ip/address.hpp"
#include "net/trouble.hpp"
#include "secure/edhoc_resource.hpp"
#include "site/kept_oscore.hpp"
#include "site/site.hpp"
#include "store/kept_states.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace causeway::site {

class CoapSecurity {
public:
    using Log = std::function<void(std::string_view line)>;

    /// `states` may be null where there are no contexts from files.
    CoapSecurity(const Site& site, store::KeptStates* states, Log log);
    CoapSecurity(const CoapSecurity&) = delete;
    CoapSecurity& operator=(const CoapSecurity&) = delete;

    /// `of_node` is told the context of requests to each node that has keys.
    [[nodiscard]] std::optional<net::Trouble> open(
        const std::function<void(const ip::Address&, std::uint32_t context)>& of_node);

    [[nodiscard]] coap::Protection& protection() noexcept { return oscore_; }
    /// Keeps what a restart in good order wants to know; nothing is protected afterwards.
    void close() { oscore_.close(); }

    [[nodiscard]] bool exchanges_keys() const noexcept { return edhoc_.has_value(); }
    /// A request for /.well-known/edhoc.
    [[nodiscard]] coap::Response answer(Instant now, const coap::RequestArrived& request);

    [[nodiscard]] const secure::OscoreStats& stats() const noexcept {
        return oscore_.oscore().stats();
    }
    [[nodiscard]] const secure::EdhocStats* edhoc_stats() const noexcept {
        return edhoc_ ? &edhoc_->stats() : nullptr;
    }
    /// What the context is called; empty where there is none.
    [[nodiscard]] std::string name_of(std::uint32_t context) const;

private:
    [[nodiscard]] std::optional<net::Trouble> open_edhoc();
    bool keep(const std::string& name, Bytes state);
    [[nodiscard]] std::expected<std::uint32_t, std::string> add(secure::ContextConfig config);
    void release_evicted();

    const Site& site_;
    store::KeptStates* states_;
    Log log_;
    KeptOscore oscore_;
    secure::EdhocConfig edhoc_config_;
    std::optional<secure::EdhocResource> edhoc_;
    std::map<std::uint32_t, Octets> exchanged_;  // contexts that EDHOC made, and our names for them
    std::uint64_t evicted_seen_ = 0;
};

}  // namespace causeway::site
