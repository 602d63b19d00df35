#pragma once
// From a document that reads well, key by key, to a Site that makes sense as a whole.
#include "site/section.hpp"
#include "site/site.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <string>

namespace causeway::site {

/// Always a Site; one worth starting only where nothing was complained about.
[[nodiscard]] Site build(const Table& document, const std::filesystem::path& file,
                         Complaints& complaints);

// ---- the parts of it ---------------------------------------------------------------------------

/// Who stands where in Scenario::nodes.
using NodeNames = std::map<std::string, std::size_t, std::less<>>;

/// The number-th node's address on the link and, behind the prefix, in the mesh: the decimal digits
/// of 1000 + number, so that node-24 answers at <prefix>::1024. Locally administered, and clear of
/// the small numbers that hosts like to have.
[[nodiscard]] std::uint64_t eui64_of(std::size_t number);

/// The modified EUI-64 [RFC 4291 §2.5.1]: what stands behind the prefix.
[[nodiscard]] ip::InterfaceId interface_id_of(std::uint64_t eui64);

/// Where the gateway's own CoAP endpoint stands inside the mesh's prefix: next to the host.
[[nodiscard]] ip::Address client_address_beside(const ip::Address& host);

/// What all nodes have in common, from [mesh], [mesh.mac] and [mesh.rpl].
[[nodiscard]] node::Config common_config(const Section& mesh);
[[nodiscard]] sim::ChannelPlan channel_plan(const Section& channel);
[[nodiscard]] std::vector<sim::InterfererPlan> interferer_plans(const Section& channel);
[[nodiscard]] sim::RadioPlan radio_plan(const Section& radio);
/// Fills site.mesh.nodes and site.classes; the seed is in site.mesh already.
[[nodiscard]] NodeNames build_nodes(const Section& mesh, const node::Config& common,
                                    const std::filesystem::path& file, Site& site);
/// A whole number into a field of its own size; the schema's range fits it.
template <class Whole>
void set(Whole& field, const Section& section, std::string_view leaf) {
    field = static_cast<Whole>(section.take<std::int64_t>(leaf).value);
}

/// A file that the key names, beside the site file or, in an override, where the command was given;
/// empty stays empty.
[[nodiscard]] std::string file_beside(const Section& section, std::string_view leaf,
                                      const std::filesystem::path& file);
[[nodiscard]] std::string path_beside(const std::string& name, const std::filesystem::path& file);
/// `proxy` is a listener, too.
[[nodiscard]] Coap build_coap(const Section& coap, const std::filesystem::path& file,
                              const Proxy& proxy);
[[nodiscard]] Mqtt build_mqtt(const Section& mqtt, const std::filesystem::path& file);
/// `present`: the file has the table.
[[nodiscard]] std::optional<MqttSn> build_mqtt_sn(const Section& section, bool present);
[[nodiscard]] std::optional<Management> build_management(const Section& section,
                                                         const std::filesystem::path& file);
/// `site` has its brokers and its folder already; null where the file has no [scada].
[[nodiscard]] std::shared_ptr<const Scada> build_scada(const Section& top,
                                                       const std::filesystem::path& file,
                                                       const Site& site);
/// "127.0.0.1:502": where lines of [scada] listen by TCP, with the lines' names.
[[nodiscard]] std::vector<std::pair<std::string, net::Endpoint>> scada_listens(const Scada& scada);
[[nodiscard]] std::vector<sim::FaultPlan> fault_plans(const Section& mesh, const NodeNames& names);

}  // namespace causeway::site
