#include "node/object_security.hpp"

namespace causeway::node {
namespace {

secure::OscoreSettings settings_for_node() {
    secure::OscoreSettings settings;
    settings.contexts_max = context_names.size();
    settings.reserve_step = 1024;  // flash wears out, numbers do not
    settings.observations_max = 4;
    settings.unfragmented_octets_max = 4096;
    return settings;
}

}  // namespace

secure::ContextConfig context_of(const ObjectSecurity& keys, std::uint64_t eui64, unsigned pair,
                                 bool client) {
    Octets id_context(8);
    ByteWriter(id_context).be64(eui64);
    const Octets of_client{std::byte(2 * pair)};
    const Octets of_node{std::byte(2 * pair + 1)};
    secure::ContextConfig config;
    config.name = context_names[pair];
    config.master_secret = keys.master_secret;
    config.master_salt = keys.master_salt;
    config.id_context = std::move(id_context);
    config.sender_id = client ? of_client : of_node;
    config.recipient_id = client ? of_node : of_client;
    return config;
}

ObjectSecurityKeeper::ObjectSecurityKeeper(const Config& config, Random random, Flash* flash)
    : oscore_(settings_for_node(), random), flash_(flash) {
    for (unsigned pair = 0; pair < context_names.size(); ++pair) {
        auto context = context_of(*config.oscore, config.eui64, pair, false);
        if (flash_ != nullptr)
            if (const auto kept = flash_->oscore.find(context.name); kept != flash_->oscore.end())
                context.state = kept->second;
        // What was kept may be of other keys: the site file has new ones.
        if (!oscore_.add(context)) {
            context.state.clear();
            CAUSEWAY_ASSERT(oscore_.add(std::move(context)).has_value());
        }
    }
    keep();
}

void ObjectSecurityKeeper::keep() {
    while (auto save = oscore_.poll_output()) {
        if (flash_ == nullptr) continue;
        flash_->oscore[save->name] = std::move(save->state);
        flash_->written = true;
    }
}

}  // namespace causeway::node
