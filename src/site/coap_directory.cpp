#include "site/coap_directory.hpp"

#include "site/kept_oscore.hpp"

#include <boost/asio/io_context.hpp>

namespace causeway::site {
namespace {

coap::ResourceDirectory::Settings settings_of(std::uint32_t registrations_max) {
    coap::ResourceDirectory::Settings settings;
    settings.registrations_max = registrations_max;
    return settings;
}

}  // namespace

CoapDirectory::CoapDirectory(net::Io& io, std::uint32_t registrations_max, std::vector<Tell> fronts,
                             net::Clock clock)
    : directory_(settings_of(registrations_max), unpredictable()),
      fronts_(std::move(fronts)),
      clock_(clock),
      timer_(io) {}

void CoapDirectory::answer(const coap::RequestArrived& request, std::string_view identity,
                           std::uint32_t front) {
    if (auto response = directory_.handle(clock_.now(), request, identity, front))
        fronts_[front](coap::Respond{request.exchange, *std::move(response)});
    drain();
}

bool CoapDirectory::take(const coap::ResponseArrived& response) {
    if (!directory_.owns(response.id)) return false;
    directory_.handle(clock_.now(), response);
    drain();
    return true;
}

bool CoapDirectory::take(const coap::RequestFailed& failed) {
    if (!directory_.owns(failed.id)) return false;
    directory_.handle(clock_.now(), failed);
    drain();
    return true;
}

void CoapDirectory::drain() {
    while (auto out = directory_.poll_output())
        std::visit([&](auto& event) { fronts_[out->front](std::move(event)); }, out->event);
    while (auto changed = directory_.poll_changed())
        for (const Tell& tell : fronts_) tell(*changed);
    const Instant due = directory_.next_deadline();
    if (due >= armed_for_) return;
    armed_for_ = due;
    timer_.expires_at(clock_.real(due));
    timer_.async_wait([this, life = std::weak_ptr<const char>(alive_)](
                          const boost::system::error_code& superseded) {
        if (superseded || life.expired()) return;
        armed_for_ = never;
        directory_.handle_timeout(clock_.now());
        drain();
    });
}

}  // namespace causeway::site
