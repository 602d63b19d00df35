#pragma once
// How strong a signal arrives, and how often bits of it are wrong: log-distance path loss with
// shadowing a pair and asymmetry a direction, and the bit error rate of 2.4 GHz O-QPSK.
// [IEEE 802.15.4 annex on coexistence: BER of the 2450 MHz PHY]
// Left out: fading in time, antennas, floors and walls.
#include "base/random.hpp"
#include "sim/scenario.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace causeway::sim {

/// Draws are cut off at so many standard deviations, so that a channel has a finite range.
inline constexpr double deviations_max = 3.0;

/// One draw of the normal distribution with mean 0 and deviation 1, cut off at deviations_max. Ours
/// rather than <random>'s, whose results differ between standard libraries.
[[nodiscard]] double normal(Random& random);

[[nodiscard]] double distance(const Position& a, const Position& b);
[[nodiscard]] double milliwatts(double dbm);
[[nodiscard]] double dbm_of(double milliwatts);

/// World::random_for() of it feeds a run's Propagation.
inline constexpr std::uint64_t propagation_stream = 0x70726f70;

/// A signal weaker than this neither carries a frame nor makes one collide nor defers one.
[[nodiscard]] double link_floor_dbm(const ChannelPlan& channel, const RadioPlan& radio) noexcept;

/// Which two radios, or interferer and radio; the way matters where the channel is asymmetric.
struct Path {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
};

/// Every draw is a function of the seed and the two ends alone: adding a node changes no other
/// link. Pure: nothing is remembered here.
class Propagation {
public:
    Propagation(const ChannelPlan& plan, Random random) noexcept : plan_(plan), random_(random) {}

    /// Loss on the way with every draw at its mean.
    [[nodiscard]] double mean_loss_db(double metres) const;
    /// Power received, dBm.
    [[nodiscard]] double received_dbm(Path path, double metres, double transmit_dbm) const;
    [[nodiscard]] double interferer_dbm(Path path, double metres, double transmit_dbm) const;
    /// The chance that a frame is lost though its signal is perfect.
    [[nodiscard]] double frame_loss(Path path) const;
    /// No radio farther away hears more than `floor_dbm` of a sender at `transmit_dbm`.
    [[nodiscard]] double range_metres(double transmit_dbm, double floor_dbm) const;
    /// The distance at which a signal is, on average, `floor_dbm` strong.
    [[nodiscard]] double mean_range_metres(double transmit_dbm, double floor_dbm) const;

private:
    enum class Draw : std::uint64_t { shadowing = 1, asymmetry, loss, interferer };
    [[nodiscard]] Random stream(Draw draw, std::uint32_t a, std::uint32_t b) const noexcept;

    ChannelPlan plan_;
    Random random_;
};

/// The chance that one bit is wrong at a ratio of signal to noise and interference (not in dB).
[[nodiscard]] double bit_error_rate(double signal_to_noise);

/// bit_error_rate as a table over dB, read once a received frame.
class BitErrors {
public:
    BitErrors();

    /// ln of the chance that a bit is right; zero where errors are out of reach of any run.
    [[nodiscard]] double log_bit_success(double signal_to_noise_db) const noexcept;
    /// The chance that `octets` arrive with every bit right.
    [[nodiscard]] double frame_success(double signal_to_noise_db, std::size_t octets) const;

private:
    static constexpr double lowest_db = -12.0;
    static constexpr std::size_t steps_per_db = 16;
    static constexpr std::size_t steps = 20 * steps_per_db;  // up to 8 dB: below 1e-27

    std::array<double, steps + 1> log_success_{};
};

}  // namespace causeway::sim
