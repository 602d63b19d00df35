#pragma once
// Every wire format of the project, as a list of types to run laws over.
#include "coap/link_format.hpp"
#include "coap/message.hpp"
#include "ip/extension.hpp"
#include "ip/icmpv6.hpp"
#include "ip/nd.hpp"
#include "ip/udp.hpp"
#include "link/ieee802154/ack.hpp"
#include "link/ieee802154/beacon.hpp"
#include "link/ieee802154/command.hpp"
#include "link/ieee802154/frame.hpp"
#include "link/ieee802154/security_header.hpp"
#include "lowpan/fragment.hpp"
#include "mqtt/sn/packet.hpp"
#include "net/zep.hpp"
#include "rpl/data_plane.hpp"
#include "rpl/messages.hpp"

#include <tuple>

namespace causeway::laws {

using Formats = std::tuple<
    ip::Ipv6Header, ip::UdpHeader, ip::HopByHop, ip::DestinationOptions, ip::RoutingHeader,
    ip::FragmentHeader, ip::Icmpv6Message, ip::Echo, ip::DestinationUnreachable, ip::PacketTooBig,
    ip::TimeExceeded, ip::ParameterProblem, ip::nd::RouterSolicitation, ip::nd::RouterAdvertisement,
    ip::nd::NeighbourSolicitation, ip::nd::NeighbourAdvertisement, ip::nd::Redirect,
    ip::nd::DuplicateAddress, link::ieee802154::MacFrame, link::ieee802154::AuxiliarySecurity,
    link::ieee802154::Beacon, link::ieee802154::Command, link::ieee802154::ImmediateAck,
    lowpan::FragmentHeader, rpl::Dis, rpl::Dio, rpl::Dao, rpl::DaoAck, rpl::ConsistencyCheck,
    rpl::MetricObject, rpl::RplOption, rpl::SourceRoutingHeader, coap::Message, coap::Options,
    coap::LinkFormat, net::zep::Packet, mqtt::sn::Message, mqtt::sn::Encapsulation>;

}  // namespace causeway::laws
