#pragma once
// The resource directory [RFC 9176] among the gateway's endpoints: requests come from any of them,
// answers and requests of its own go back there, and its lifetimes have a timer.
#include "coap/resource_directory.hpp"
#include "net/clock.hpp"
#include "net/io.hpp"

#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace causeway::site {

class CoapDirectory {
public:
    /// What an endpoint is told, by front.
    using Tell = std::function<void(coap::EndpointInput)>;

    CoapDirectory(net::Io& io, std::uint32_t registrations_max, std::vector<Tell> fronts,
                  net::Clock clock);

    [[nodiscard]] static bool owns(const coap::Options& options) noexcept {
        return coap::ResourceDirectory::owns(options);
    }
    /// `identity`: who proved to be asking; empty: nobody did.
    void answer(const coap::RequestArrived& request, std::string_view identity,
                std::uint32_t front);
    /// False: it is not to a request of the directory's.
    bool take(const coap::ResponseArrived& response);
    bool take(const coap::RequestFailed& failed);

    [[nodiscard]] const coap::ResourceDirectory::Stats& stats() const noexcept {
        return directory_.stats();
    }
    [[nodiscard]] std::size_t size() const noexcept { return directory_.size(); }

private:
    void drain();

    coap::ResourceDirectory directory_;
    std::vector<Tell> fronts_;
    net::Clock clock_;
    boost::asio::steady_timer timer_;
    Instant armed_for_ = never;
    std::shared_ptr<const char> alive_ = std::make_shared<const char>();
};

}  // namespace causeway::site
