#pragma once
// The four translators between a line's engine and the point table: drivers write points and carry
// commands out, faces show points and pass commands on. For this room's .cpp files.
#include "net/clock.hpp"
#include "net/io.hpp"
#include "net/lines.hpp"
#include "net/trouble.hpp"
#include "site/point_hub.hpp"
#include "site/scada_site.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace causeway::site {

/// What all of them need; outlives them.
struct ScadaContext {
    net::Io& io;
    net::Clock clock;
    net::Lines& lines;
    PointHub& hub;
    const Scada& site;
    std::function<void(std::string_view line)> log;
};

/// One protocol's role on one line. Points are defined when a driver is made, and looked up when a
/// face is: drivers first.
class ScadaPart {
public:
    using Named = std::function<void(std::string_view name, std::uint64_t value)>;

    ScadaPart() = default;
    ScadaPart(const ScadaPart&) = delete;
    ScadaPart& operator=(const ScadaPart&) = delete;
    virtual ~ScadaPart() = default;

    [[nodiscard]] virtual std::optional<net::Trouble> open() = 0;
    /// "Modbus server on 127.0.0.1:502"
    [[nodiscard]] virtual std::string where() const = 0;
    /// "modbus_client": what metrics begin with.
    [[nodiscard]] virtual std::string_view group() const = 0;
    virtual void visit(const Named& named) const = 0;
    /// The wall clock, every minute and at the start.
    virtual void tell_time(std::int64_t ms) { (void)ms; }
    /// Of the devices that it speaks to, those that answer.
    struct Devices {
        std::size_t all = 0;
        std::size_t up = 0;
    };
    [[nodiscard]] virtual Devices devices() const { return {}; }
};

[[nodiscard]] std::unique_ptr<ScadaPart> make_modbus_driver(const ScadaContext& context,
                                                            const ModbusClientSite& site);
[[nodiscard]] std::unique_ptr<ScadaPart> make_modbus_face(const ScadaContext& context,
                                                          const ModbusServerSite& site);
[[nodiscard]] std::unique_ptr<ScadaPart> make_dnp3_driver(const ScadaContext& context,
                                                          const Dnp3MasterSite& site);
[[nodiscard]] std::unique_ptr<ScadaPart> make_dnp3_face(const ScadaContext& context,
                                                        const Dnp3OutstationSite& site);

}  // namespace causeway::site
