#pragma once
// The air between radios: who hears whom, what collides with what, what chance takes. It keeps the
// radio contract of link/ieee802154/radio.hpp to the letter: clear channel assessment over
// [t, t + cca_time), turnaround, air time, half duplex.
//
// A frame arrives when, seen from its receiver,
//   the radio was on and not sending (turnaround included) while the frame was in the air,
//   its power reaches the sensitivity,
//   it is `capture_db` stronger than the sum of everything else in the air meanwhile,
//   and two throws of the dice spare it: bit errors at its ratio of signal to noise and
//   interference, and the frame loss drawn for the link.
//
// Address filter: a frame with an extended destination address concerns that radio alone, and an
// acknowledgement the radio whose frame it answers. For all others it is energy in the air, which
// defers and collides like any, but is not delivered and not counted as their receiving.
//
// External radios belong to programs that live in real time and want their acknowledgement within
// about 860 us. So they are handed a frame as soon as it is certain to be sent (an acknowledgement
// the moment it is asked for; another frame when the channel was found clear) and what would
// collide with it later spares it. What they send arrives at once: its air time lies in the past.
// Only what answers a frame that is still in the air waits for that to end.
//
// Left out: fading in time, adjacent channels, capture by order of arrival, several channels.
#include "base/tap.hpp"
#include "link/ieee802154/radio.hpp"
#include "sim/airspace.hpp"
#include "sim/audience.hpp"
#include "sim/energy.hpp"
#include "sim/links.hpp"
#include "sim/world.hpp"

#include <array>
#include <string_view>
#include <vector>

namespace causeway::sim {

/// A radio's place. Node or external program; an external one has no address that we know.
struct RadioSite {
    Position at;
    std::uint64_t eui64 = 0;
    bool external = false;
};

struct MediumPlan {
    std::uint8_t radio_channel = 26;
    ChannelPlan channel;
    RadioPlan radio;
    std::vector<InterfererPlan> interferers;
    std::vector<RadioSite> radios;
};

/// What became of one frame at one radio that it was meant for.
enum class Fate : std::uint8_t {
    delivered,
    too_weak,    // below the sensitivity, or out of range, or the link is cut
    radio_busy,  // the receiver was sending, or turning around to
    collision,   // something else was too strong beside it
    noise,       // bit errors
    fading,      // the link's own frame loss
    radio_off,   // no power, or not for the whole of the frame
    count,
};
[[nodiscard]] std::string_view name_of(Fate fate) noexcept;

class Medium final : Actor {
public:
    /// Whoever owns the nodes. Called while the world stands at the instant in question; may call
    /// transmit() at once.
    class Listener {
    public:
        virtual void frame_received(std::uint32_t radio,
                                    const link::ieee802154::FrameReceived& frame) = 0;
        virtual void transmit_ended(std::uint32_t radio, bool channel_was_clear) = 0;

    protected:
        ~Listener() = default;
    };

    struct Stats {
        std::uint64_t assessments = 0;       // of the channel
        std::uint64_t assessments_busy = 0;  // and nothing was sent
        std::uint64_t frames_sent = 0;
        std::uint64_t frames_cut_short = 0;  // the sender lost its power
        std::uint64_t copies = 0;            // a frame times the radios that it was meant for
        std::array<std::uint64_t, static_cast<std::size_t>(Fate::count)> fates{};
        std::uint64_t unaddressed = 0;   // for an address that no node here has
        std::uint64_t answers_held = 0;  // external frames that waited for what they answer

        [[nodiscard]] std::uint64_t operator[](Fate fate) const noexcept {
            return fates[static_cast<std::size_t>(fate)];
        }
        void visit(auto&& named) const;
        [[nodiscard]] bool balanced() const noexcept;
    };

    /// Radios of nodes start without power, external ones with it. `teller` is told "air.frame" of
    /// every frame: at: its first instant on the air (up to a turnaround ahead, or in the past when
    /// external), node: the sender, value: the channel, octets: the frame without FCS.
    Medium(World& world, MediumPlan plan, Listener& listener, Tap* tap = nullptr);
    Medium(const Medium&) = delete;
    Medium& operator=(const Medium&) = delete;

    void set_power(std::uint32_t radio, bool on);
    /// The radio is on, and nothing else is under way. Answered by one transmit_ended().
    void transmit(std::uint32_t radio, const link::ieee802154::TransmitFrame& request);
    /// A frame of an external radio whose last octet arrives now; see above.
    void transmit_external(std::uint32_t radio, const link::ieee802154::Frame& frame);
    void set_cut(std::uint32_t a, std::uint32_t b, bool cut) { links_.set_cut(a, b, cut); }

    [[nodiscard]] RadioTimes times(std::uint32_t radio) const;
    [[nodiscard]] const Stats& stats() const noexcept { return stats_; }
    [[nodiscard]] const Links& links() const noexcept { return links_; }
    [[nodiscard]] std::size_t radios() const noexcept { return radios_.size(); }

private:
    enum class State : std::uint8_t { off, listening, assessing, sending };
    enum What : std::uint16_t { assessment_ends, sending_ends, held_ends };

    /// A frame received whose answer is awaited from this radio.
    struct Owed {
        std::uint32_t to = no_radio;
        std::uint8_t sequence = 0;
        Instant frame_end{};  // external radios get frames early: not to be answered before
    };
    struct Radio {
        State state = State::off;
        bool external = false;
        Instant due{};  // of the act that we wait for; others are stale
        Instant on_since{};
        Instant receiving_until{};
        Instant handed_until{};  // external: the end of the last frame handed to it
        Owed owed;
        Duration time_on{};
        Duration time_transmit{};
        Duration time_receive{};
        Random random{0};
        link::ieee802154::Frame frame;
    };
    struct Held {
        std::uint32_t sender = no_radio;  // none: free
        Instant start;
        link::ieee802154::Frame frame;
    };
    struct Flight {
        std::uint32_t sender;
        Instant start;
        Instant end;
        const link::ieee802154::Frame& frame;
    };
    static constexpr std::uint32_t no_radio = 0xffff'ffffu;

    void act(Instant now, std::uint16_t what, std::uint32_t whom) override;
    void end_assessment(Instant now, std::uint32_t radio);
    void start_sending(Instant start, std::uint32_t radio);
    void end_sending(Instant now, std::uint32_t radio);
    void put_on_air(const Flight& flight);
    void arrive(const Flight& flight);
    void hand_to_externals(const Flight& flight);
    void receive(const Flight& flight, const Audience& audience, const Link& link);
    Fate fate_of(const Flight& flight, const Link& link, Radio& receiver) const;
    void count(Fate fate) noexcept {
        ++stats_.copies;
        ++stats_.fates[static_cast<std::size_t>(fate)];
    }
    [[nodiscard]] double interferers_milliwatts(std::uint32_t radio, Instant from,
                                                Instant to) const;
    [[nodiscard]] bool channel_busy(std::uint32_t radio, Instant from, Instant to) const;
    [[nodiscard]] std::uint32_t radio_with(std::uint64_t eui64) const noexcept;

    World& world_;
    MediumPlan plan_;
    Listener& listener_;
    Tap* tap_;
    ActorId self_;
    BitErrors bit_errors_;
    Propagation propagation_;
    Links links_;
    Airspace airspace_;
    double capture_ratio_ = 1;
    double noise_milliwatts_ = 0;
    double cca_milliwatts_ = 0;
    std::vector<Radio> radios_;
    std::vector<Held> held_;
    std::vector<std::pair<std::uint64_t, std::uint32_t>> by_eui64_;
    std::vector<std::uint32_t> externals_;
    std::vector<float> interferer_milliwatts_;  // by interferer, then radio
    Stats stats_;
};

void Medium::Stats::visit(auto&& named) const {
    named(std::string_view("assessments"), assessments);
    named(std::string_view("assessments_busy"), assessments_busy);
    named(std::string_view("frames_sent"), frames_sent);
    named(std::string_view("frames_cut_short"), frames_cut_short);
    named(std::string_view("copies"), copies);
    for (std::size_t i = 0; i < fates.size(); ++i) named(name_of(static_cast<Fate>(i)), fates[i]);
    named(std::string_view("unaddressed"), unaddressed);
    named(std::string_view("answers_held"), answers_held);
}

}  // namespace causeway::sim
