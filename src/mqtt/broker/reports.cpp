// Who is there, for lists.
#include "mqtt/broker/state.hpp"

#include <algorithm>

namespace causeway::mqtt {

ClientReport Broker::State::report_of(Instant at, const Session& s) const {
    ClientReport report{.client_id = std::string(s.name()),
                        .user_name = std::string(s.user_name.view())};
    if (const Connection* const c = s.connection; c != nullptr) {
        report.peer = c->peer.view();
        if (c->listener < listeners.size()) report.listener = listeners[c->listener];
        report.connected = c->ready();
        report.version = c->version;
        report.connected_for = std::max(at - c->opened_at, Duration{});
    }
    if (s.filters != nullptr) report.subscriptions = static_cast<std::uint32_t>(s.filters->size());
    if (s.out != nullptr) {
        report.queued = s.out->queued;
        report.inflight = s.out->in_flight;
        report.queued_octets = s.out->queued_octets;
    }
    report.messages_in = s.messages_in;
    report.messages_out = s.messages_out;
    report.dropped = s.dropped;
    return report;
}

std::vector<ClientReport> Broker::State::clients(Instant at, std::string_view after_id,
                                                 std::size_t max) const {
    std::vector<const Session*> chosen;
    for (const auto& s : sessions) {
        if (s != nullptr && s->name() > after_id) chosen.push_back(s.get());
    }
    const auto by_name = [](const Session* a, const Session* b) { return a->name() < b->name(); };
    const auto count = static_cast<std::ptrdiff_t>(std::min(max, chosen.size()));
    std::ranges::partial_sort(chosen, chosen.begin() + count, by_name);
    chosen.resize(static_cast<std::size_t>(count));
    std::vector<ClientReport> reports;
    reports.reserve(chosen.size());
    for (const Session* const s : chosen) {
        reports.push_back(report_of(at, *s));
    }
    return reports;
}

}  // namespace causeway::mqtt
