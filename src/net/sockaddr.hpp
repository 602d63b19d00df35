#pragma once
// Between an Endpoint and what the kernel calls one. For this room's .cpp files.
#include "net/endpoint.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <utility>

namespace causeway::net {

[[nodiscard]] inline std::pair<sockaddr_storage, socklen_t> to_sockaddr(const Endpoint& from) {
    sockaddr_storage storage{};
    if (from.v6) {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(from.port);
        v6.sin6_scope_id = from.scope;
        std::memcpy(&v6.sin6_addr, from.address.data(), 16);
        std::memcpy(&storage, &v6, sizeof v6);
        return {storage, sizeof v6};
    }
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(from.port);
    std::memcpy(&v4.sin_addr, from.address.data(), 4);
    std::memcpy(&storage, &v4, sizeof v4);
    return {storage, sizeof v4};
}

[[nodiscard]] inline Endpoint from_sockaddr(const sockaddr_storage& from) {
    Endpoint result;
    if (from.ss_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &from, sizeof v6);
        result.v6 = true;
        result.port = ntohs(v6.sin6_port);
        result.scope = v6.sin6_scope_id;
        std::memcpy(result.address.data(), &v6.sin6_addr, 16);
        return result;
    }
    sockaddr_in v4{};
    std::memcpy(&v4, &from, sizeof v4);
    result.port = ntohs(v4.sin_port);
    std::memcpy(result.address.data(), &v4.sin_addr, 4);
    return result;
}

}  // namespace causeway::net
