#include "coap_oscore.hpp"

#include "base/hex.hpp"
#include "replace_file.hpp"
#include "site/kept_oscore.hpp"
#include "site/oscore_keys.hpp"
#include "site/text_file.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace causeway::cli {

Understood<OscoreContext> oscore_of(const std::string& file) {
    auto config = site::read_oscore_keys(file);
    if (!config) return impossible(config.error());
    config->name = std::filesystem::path(file).filename().string();
    const std::string state_file = file + ".state";
    std::optional<Octets> state;
    std::error_code error;
    if (std::filesystem::exists(state_file, error)) {
        const auto text = site::read_text_file(state_file);
        if (!text) return impossible(text.error());
        state = from_hex(*text);
        if (!state) return impossible(state_file + ": not what was kept there");
    }
    auto protection = std::make_unique<site::KeptOscore>(
        secure::OscoreSettings{}, site::unpredictable(),
        [state_file](const std::string&, Bytes kept) {
            const auto trouble = replace_file(state_file, to_hex(kept) + '\n');
            if (trouble) fmt::print(stderr, "causeway: {}\n", *trouble);
            return !trouble;
        });
    const auto number = protection->add(*std::move(config), state ? &*state : nullptr);
    if (!number) return impossible(fmt::format("{}: {}", file, number.error()));
    return OscoreContext{std::move(protection), *number};
}

}  // namespace causeway::cli
