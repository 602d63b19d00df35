#include "site/coap_security.hpp"

#include "crypto/entropy.hpp"
#include "node/object_security.hpp"
#include "site/build.hpp"
#include "site/edhoc_keys.hpp"
#include "site/oscore_keys.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace causeway::site {
namespace {

/// Contexts that EDHOC makes, at once; the least used gives way.
constexpr std::size_t exchanged_max = 4096;

secure::OscoreSettings oscore_settings(const Site& site) {
    secure::OscoreSettings settings;
    const std::size_t wanted = site.coap->contexts.size() + site.mesh.nodes.size() +
                               (site.coap->edhoc ? exchanged_max : 0);
    settings.contexts_max = std::max<std::size_t>(wanted, 1);  // a site may want none
    return settings;
}

}  // namespace

CoapSecurity::CoapSecurity(const Site& site, store::KeptStates* states, Log log)
    : site_(site),
      states_(states),
      log_(std::move(log)),
      oscore_(oscore_settings(site), unpredictable(),
              [this](const std::string& name, Bytes state) { return keep(name, state); }) {}

std::optional<net::Trouble> CoapSecurity::open(
    const std::function<void(const ip::Address&, std::uint32_t context)>& of_node) {
    if (auto trouble = open_edhoc()) return trouble;
    for (const CoapContext& plan : site_.coap->contexts) {
        auto config = read_oscore_keys(plan.keys);
        if (!config) return net::Trouble{config.error(), {}};
        config->name = plan.name;
        if (edhoc_) edhoc_->reserve(config->recipient_id);
        if (const auto added = add(*std::move(config)); !added)
            return net::Trouble{plan.keys + ": " + added.error(), {}};
    }
    for (const sim::NodePlan& node : site_.mesh.nodes) {
        if (!site_.has_mesh || !node.config.oscore) continue;
        auto config = node::context_of(*node.config.oscore, node.config.eui64, 0, true);
        config.name = "node/" + node.name;
        const auto added = add(std::move(config));
        if (!added) return net::Trouble{node.name + ": OSCORE: " + added.error(), {}};
        of_node(site_.mesh.nodes.front().config.prefix.with(interface_id_of(node.config.eui64)),
                *added);
    }
    return std::nullopt;
}

std::optional<net::Trouble> CoapSecurity::open_edhoc() {
    if (!site_.coap->edhoc) return std::nullopt;
    auto config = read_edhoc(site_.coap->edhoc->key, site_.coap->edhoc->peers);
    if (!config) return net::Trouble{config.error(), {}};
    edhoc_config_ = *std::move(config);
    crypto::Secret seed;
    if (!crypto::system_random(seed.mutable_bytes()))
        return net::Trouble{"the system gives no random numbers", {}};
    edhoc_.emplace(edhoc_config_, secure::EdhocResourceSettings{}, seed);
    return std::nullopt;
}

std::expected<std::uint32_t, std::string> CoapSecurity::add(secure::ContextConfig config) {
    const Octets* state =
        states_ == nullptr || !config.saved ? nullptr : states_->find("gateway/" + config.name);
    return oscore_.add(std::move(config), state);
}

bool CoapSecurity::keep(const std::string& name, Bytes state) {
    if (states_ == nullptr) return false;
    const auto trouble = states_->put("gateway/" + name, state);
    if (trouble) log_(trouble->line);
    return !trouble;
}

coap::Response CoapSecurity::answer(Instant now, const coap::RequestArrived& request) {
    coap::Response response = edhoc_->handle(now, request);
    while (auto established = edhoc_->poll_output()) {
        const secure::EdhocResult& result = established->result;
        auto config = result.session.oscore(result.peer);
        const Octets identifier = config.recipient_id;
        const auto added = add(std::move(config));
        if (!added) {
            edhoc_->release(identifier);
            response = {.code = coap::Code::service_unavailable};
            continue;
        }
        exchanged_[*added] = identifier;
        log_(fmt::format("EDHOC: {} at {}", result.peer, coap::to_text(established->peer)));
    }
    release_evicted();
    return response;
}

/// What the table of contexts dropped to make room is free for others again.
void CoapSecurity::release_evicted() {
    if (std::exchange(evicted_seen_, oscore_.oscore().stats().evicted) ==
        oscore_.oscore().stats().evicted)
        return;
    std::erase_if(exchanged_, [&](const auto& one) {
        if (oscore_.oscore().facts(one.first) != nullptr) return false;
        edhoc_->release(one.second);
        return true;
    });
}

std::string CoapSecurity::name_of(std::uint32_t context) const {
    const secure::ContextFacts* facts = oscore_.oscore().facts(context);
    return facts == nullptr ? std::string() : facts->name;
}

}  // namespace causeway::site
