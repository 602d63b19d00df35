#pragma once
// From [scada] to a Scada that makes sense: every line that is named is there and used once, every
// point that is shown exists and fits, no address stands for two things. For this room's .cpp
// files.
#include "site/build.hpp"
#include "site/scada_site.hpp"
#include "site/section.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace causeway::site {

class ScadaReader {
public:
    /// `state`: the site's folder, where pseudo-terminals with relative names are.
    ScadaReader(const Section& scada, const std::filesystem::path& file,
                const std::filesystem::path& state)
        : scada_(scada), file_(file), state_(state) {}

    [[nodiscard]] Scada read();

private:
    struct Known {
        points::Kind kind{};
        bool writable = false;
        Place at;
    };
    /// A stretch of addresses that is taken, and by whom.
    struct Taken {
        std::uint32_t first = 0;
        std::uint32_t last = 0;
        std::string who;
    };
    /// By unit and area.
    using Occupied = std::map<std::pair<unsigned, unsigned>, std::vector<Taken>>;

    // scada_read_lines.cpp
    void read_line(const Section& section);
    [[nodiscard]] std::optional<net::LineSpec> line_spec(const Section& section) const;
    [[nodiscard]] net::SerialSpec serial_spec(const Section& section, const std::string& device,
                                              bool make_pty) const;
    [[nodiscard]] net::LineSpec connect_spec(const Section& section) const;
    [[nodiscard]] net::LineSpec listen_spec(const Section& section) const;
    [[nodiscard]] net::LineSpec udp_spec(const Section& section) const;
    [[nodiscard]] std::string port_path(const std::string& name) const;
    /// Complains of keys that another kind of line has, and of places that two lines would have.
    static void check_keys_of(const Section& section, std::string_view kind);
    void check_line(const Section& section, std::string_view kind) const;

    /// The line that `leaf` names. `shared`: others of the same kind may name it, too.
    [[nodiscard]] std::optional<std::size_t> use_line(const Section& section, std::string_view leaf,
                                                      std::string_view user, bool shared = false);
    /// Who asks has to know where: a socket of UDP alone does not.
    void need_remote(const Section& section, std::size_t line) const;

    // scada_read.cpp
    void read_tunnel(const Section& section);
    void read_device(const Section& section);
    [[nodiscard]] bool add_device(const Section& section, const Setting<std::string>& name);
    /// Complains where device and name are taken.
    void add_point(const Section& section, const Setting<std::string>& name,
                   const points::Definition& definition);
    [[nodiscard]] const Known* find_point(const Section& section,
                                          const Setting<std::string>& path) const;
    [[nodiscard]] points::Scaling scaling(const Section& section) const;
    /// Topics beside a point's own are its commands' and their outcomes'.
    void check_topics() const;
    /// What all sources say alike: name, unit, states, limits.
    [[nodiscard]] points::Definition definition(const Section& section,
                                                const std::string& device) const;

    // scada_read_modbus.cpp
    void read_modbus_client(const Section& section);
    [[nodiscard]] ModbusClientDevice modbus_device(const Section& section);
    [[nodiscard]] ModbusSource modbus_source(const Section& section, const std::string& device,
                                             Duration every);
    [[nodiscard]] ModbusPlace modbus_place(const Section& section, std::string_view area_preset);
    [[nodiscard]] scada::modbus::Framing framing(const Section& section,
                                                 std::optional<std::size_t> line) const;
    void read_modbus_server(const Section& section);
    void read_modbus_window(const Section& section, ModbusServerSite& server, Occupied& occupied);
    void occupy(const Section& section, Place at, std::vector<Taken>& taken, std::uint32_t first,
                std::uint32_t count, const std::string& who, std::string_view what) const;

    // scada_read_dnp3.cpp
    void read_dnp3_master(const Section& section);
    [[nodiscard]] Dnp3Remote dnp3_remote(const Section& section, scada::dnp3::Address master,
                                         bool serial);
    [[nodiscard]] Dnp3Source dnp3_source(const Section& section, const std::string& device);
    void read_dnp3_outstation(const Section& section);
    /// The table keeps a selection no shorter than the outstations that show its point.
    void hold_selections();
    [[nodiscard]] std::optional<Dnp3Window> dnp3_window(const Section& section);

    // scada_read_points.cpp
    void read_mqtt_points(const Section& section);
    void read_coap_points(const Section& section);
    void read_kind(const Section& section, points::Definition& definition) const;
    [[nodiscard]] std::string take_topic(const Section& section, std::string_view leaf,
                                         bool needed) const;
    /// Once all devices are known.
    [[nodiscard]] std::vector<std::string> shown_devices(const Section& section) const;

    const Section& scada_;
    const std::filesystem::path& file_;
    const std::filesystem::path& state_;
    Scada site_;
    std::map<std::string, std::size_t, std::less<>> lines_;
    std::vector<std::string> users_;  // of lines, by index
    std::map<std::string, Place, std::less<>> devices_;
    std::map<std::string, Known, std::less<>> points_;
};

}  // namespace causeway::site
