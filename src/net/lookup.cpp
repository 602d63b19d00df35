#include "net/lookup.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <memory>

namespace causeway::net {

std::expected<Endpoint, Trouble> look_up(const std::string& host, std::uint16_t port) {
    addrinfo wanted{};
    wanted.ai_family = AF_UNSPEC;
    wanted.ai_socktype = SOCK_DGRAM;
    wanted.ai_flags = AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    int status = ::getaddrinfo(host.c_str(), nullptr, &wanted, &found);
    if (status == EAI_NONAME || status == EAI_ADDRFAMILY) {
        // Where the only addresses are loopback's, AI_ADDRCONFIG hides them.
        wanted.ai_flags = 0;
        status = ::getaddrinfo(host.c_str(), nullptr, &wanted, &found);
    }
    if (status != 0)
        return std::unexpected(
            Trouble{"nobody knows the host " + host + ": " + ::gai_strerror(status), {}});
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
        Endpoint endpoint{.port = port};
        if (one->ai_family == AF_INET) {
            sockaddr_in address{};
            std::memcpy(&address, one->ai_addr, sizeof address);
            std::memcpy(endpoint.address.data(), &address.sin_addr, 4);
            return endpoint;
        }
        if (one->ai_family != AF_INET6) continue;
        sockaddr_in6 address{};
        std::memcpy(&address, one->ai_addr, sizeof address);
        endpoint.v6 = true;
        endpoint.scope = address.sin6_scope_id;
        std::memcpy(endpoint.address.data(), &address.sin6_addr, 16);
        return endpoint;
    }
    return std::unexpected(Trouble{"the host " + host + " has no address", {}});
}

}  // namespace causeway::net
