#include "sim/counters.hpp"

namespace causeway::sim {

namespace {

void add_air(node::AirOctets& sum, const node::AirOctets& more) {
    sum.link += more.link;
    sum.lowpan += more.lowpan;
    sum.payload += more.payload;
}

}  // namespace

void add(node::Counters& sum, const node::Counters& more) {
    for (std::size_t i = 0; i < sum.air.size(); ++i) add_air(sum.air[i], more.air[i]);
    sum.frames_sent += more.frames_sent;
    sum.frames_received += more.frames_received;
    sum.packets_originated += more.packets_originated;
    sum.packets_forwarded += more.packets_forwarded;
    sum.packets_delivered += more.packets_delivered;
    for (std::size_t i = 0; i < sum.lost.size(); ++i) sum.lost[i] += more.lost[i];
    sum.readings_sent += more.readings_sent;
    sum.readings_received += more.readings_received;
}

}  // namespace causeway::sim
