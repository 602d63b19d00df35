#include "sim/energy.hpp"

namespace causeway::sim {

namespace {
double seconds(Duration d) {
    return std::chrono::duration<double>(d).count();
}
}  // namespace

DutyCycle duty_cycle(const RadioTimes& times) {
    const double all = seconds(times.total());
    if (all <= 0) return {};
    return {.transmit = seconds(times.transmit) / all,
            .receive = seconds(times.receive) / all,
            .listen = seconds(times.listen) / all};
}

double joules(const RadioTimes& times, const RadioPlan& plan) {
    const double millicoulombs = seconds(times.transmit) * plan.transmit_milliamperes +
                                 seconds(times.receive + times.listen) * plan.receive_milliamperes +
                                 seconds(times.off) * plan.off_milliamperes;
    return millicoulombs * plan.volts / 1000.0;
}

}  // namespace causeway::sim
