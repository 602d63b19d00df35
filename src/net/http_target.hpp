#pragma once
// What a request is for: "/clients/caf%C3%A9?max=10" taken apart [RFC 9112 §3.2.1]. Pure.
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace causeway::net {

struct HttpTarget {
    std::string path;                   // as it was sent, without the query
    std::vector<std::string> segments;  // of the path, decoded: {"clients", "café"}
    std::vector<std::pair<std::string, std::string>> query;  // decoded, in order

    /// The origin form alone; nothing for what cannot be decoded, or has a control character.
    [[nodiscard]] static std::optional<HttpTarget> parse(std::string_view text);
};

}  // namespace causeway::net
