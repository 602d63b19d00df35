#include "sim/propagation.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace causeway::sim {

double normal(Random& random) {
    // Box and Muller's polar way; one of its two results is enough here.
    const double radius_draw = random.unit();
    const double angle_draw = random.unit();
    const double radius = std::sqrt(-2.0 * std::log(1.0 - radius_draw));  // 1 - u is never zero
    const double value = radius * std::cos(2.0 * std::numbers::pi * angle_draw);
    return std::clamp(value, -deviations_max, deviations_max);
}

double distance(const Position& a, const Position& b) {
    const double dx = a.x - b.x;
    const double dy = a.y - b.y;
    return std::sqrt(dx * dx + dy * dy);
}

double milliwatts(double dbm) {
    return std::pow(10.0, dbm / 10.0);
}

double dbm_of(double milliwatts) {
    return 10.0 * std::log10(milliwatts);
}

double link_floor_dbm(const ChannelPlan& channel, const RadioPlan& radio) noexcept {
    return std::min(radio.sensitivity_dbm - std::max(channel.capture_db, 0.0),
                    channel.cca_threshold_dbm);
}

Random Propagation::stream(Draw draw, std::uint32_t a, std::uint32_t b) const noexcept {
    const std::uint64_t ends = std::uint64_t{a} << 32 | b;
    return random_.fork(static_cast<std::uint64_t>(draw)).fork(ends);
}

double Propagation::mean_loss_db(double metres) const {
    // The model starts at 1 m: nearer than that nothing is gained.
    return plan_.reference_loss_db + 10.0 * plan_.exponent * std::log10(std::max(metres, 1.0));
}

double Propagation::received_dbm(Path path, double metres, double transmit_dbm) const {
    const auto [low, high] = std::minmax(path.from, path.to);
    Random pair = stream(Draw::shadowing, low, high);
    Random way = stream(Draw::asymmetry, path.from, path.to);
    const double shadowing = plan_.shadowing_db * normal(pair);
    const double asymmetry = plan_.asymmetry_db * normal(way);
    return transmit_dbm - mean_loss_db(metres) - shadowing - asymmetry;
}

double Propagation::interferer_dbm(Path path, double metres, double transmit_dbm) const {
    Random pair = stream(Draw::interferer, path.from, path.to);
    const double shadowing = plan_.shadowing_db * normal(pair);
    return transmit_dbm - mean_loss_db(metres) - shadowing;
}

double Propagation::frame_loss(Path path) const {
    Random way = stream(Draw::loss, path.from, path.to);
    return plan_.loss_min + (plan_.loss_max - plan_.loss_min) * way.unit();
}

double Propagation::range_metres(double transmit_dbm, double floor_dbm) const {
    const double luck = deviations_max * (plan_.shadowing_db + plan_.asymmetry_db);
    return mean_range_metres(transmit_dbm + luck, floor_dbm);
}

double Propagation::mean_range_metres(double transmit_dbm, double floor_dbm) const {
    const double budget = transmit_dbm - floor_dbm - plan_.reference_loss_db;
    if (budget < 0) return 0;
    // A channel that hardly weakens with distance reaches everywhere; keep the number finite.
    const double decades = std::min(budget / (10.0 * std::max(plan_.exponent, 0.1)), 9.0);
    return std::pow(10.0, decades);
}

double bit_error_rate(double signal_to_noise) {
    // 8/15 * 1/16 * sum over k = 2..16 of (-1)^k * binomial(16, k) * exp(20 * SINR * (1/k - 1))
    double binomial = 16;
    double sum = 0;
    for (int k = 2; k <= 16; ++k) {
        binomial = binomial * (17 - k) / k;
        const double term = binomial * std::exp(20.0 * signal_to_noise * (1.0 / k - 1.0));
        sum += k % 2 == 0 ? term : -term;
    }
    return std::clamp(sum * 8.0 / 15.0 / 16.0, 0.0, 0.5);
}

BitErrors::BitErrors() {
    for (std::size_t i = 0; i <= steps; ++i) {
        const double db = lowest_db + static_cast<double>(i) / double{steps_per_db};
        log_success_[i] = std::log1p(-bit_error_rate(milliwatts(db)));
    }
}

double BitErrors::log_bit_success(double signal_to_noise_db) const noexcept {
    const double at = (signal_to_noise_db - lowest_db) * double{steps_per_db};
    if (at <= 0) return log_success_.front();
    if (at >= double{steps}) return 0;
    const auto below = static_cast<std::size_t>(at);
    const double part = at - static_cast<double>(below);
    return log_success_[below] + part * (log_success_[below + 1] - log_success_[below]);
}

double BitErrors::frame_success(double signal_to_noise_db, std::size_t octets) const {
    const double log_bit = log_bit_success(signal_to_noise_db);
    if (log_bit > -1e-12) return 1.0;
    return std::exp(log_bit * 8.0 * static_cast<double>(octets));
}

}  // namespace causeway::sim
