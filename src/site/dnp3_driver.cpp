// DNP3 outstations as points: measurements are written to the table, commands become controls.
#include "base/engine.hpp"
#include "scada/dnp3/stations.hpp"
#include "site/line_host.hpp"
#include "site/scada_parts.hpp"
#include "site/scada_translate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace causeway::site {
namespace {

using scada::dnp3::Master;
using scada::dnp3::MasterStation;

std::vector<scada::dnp3::SessionPlan> master_sessions(const Dnp3MasterSite& site) {
    std::vector<scada::dnp3::SessionPlan> plans;
    for (const Dnp3Remote& remote : site.outstations) plans.push_back(remote.session);
    return plans;
}
std::vector<Master> masters(const Dnp3MasterSite& site) {
    std::vector<Master> all;
    for (const Dnp3Remote& remote : site.outstations) all.emplace_back(remote.settings);
    return all;
}

class Dnp3Driver final : public ScadaPart {
public:
    Dnp3Driver(const ScadaContext& context, const Dnp3MasterSite& site)
        : context_(context),
          site_(site),
          station_(site.channel, master_sessions(site), masters(site)),
          host_(
              context.io, context.clock, context.lines, station_,
              [this](MasterStation::Output&& out) { heard(std::move(out)); },
              [this](bool there, const std::string& who) { line_changed(there, who); }),
          up_(site.outstations.size(), Known::no),
          reports_(site.outstations.size(), false) {
        driver_ = context.hub.add_driver(
            [this](points::CommandId id, const points::Command& command) { execute(id, command); });
        for (std::size_t s = 0; s < site.outstations.size(); ++s) {
            auto& table = points_.emplace_back();
            const auto& sources = site.outstations[s].points;
            for (std::size_t i = 0; i < sources.size(); ++i) {
                points::Definition definition = sources[i].definition;
                definition.driver = driver_;
                const auto point = *context.hub.table().define(std::move(definition));
                places_.emplace(point, std::pair(s, i));
                auto& of_type = table[static_cast<std::size_t>(sources[i].type)];
                if (of_type.size() <= sources[i].index) of_type.resize(sources[i].index + 1u);
                of_type[sources[i].index] = {.point = point, .source = &sources[i]};
            }
        }
    }

    std::optional<net::Trouble> open() override {
        return host_.open(context_.site.lines[site_.line].spec,
                          context_.site.lines[site_.line].door);
    }
    std::string where() const override {
        std::string names;
        for (const Dnp3Remote& remote : site_.outstations)
            names += (names.empty() ? "" : ", ") + remote.name;
        return fmt::format("DNP3 master of {} on {}", names.empty() ? "nobody" : names,
                           host_.where());
    }
    std::string_view group() const override { return "dnp3_master"; }
    void visit(const Named& named) const override {
        // Both have fragments.
        station_.channel().stats().visit([&](std::string_view name, std::uint64_t value) {
            named("link_" + std::string(name), value);
        });
        host_.visit_line(named);
        for (std::size_t s = 0; s < station_.size(); ++s) {
            const Master& session = station_.session(s);
            session.stats().visit(named);
            named("restarts_seen", session.status().restarts_seen);
            named("unsolicited_enabled", session.status().unsolicited_enabled ? 1 : 0);
        }
    }
    void tell_time(std::int64_t ms) override {
        for (std::size_t s = 0; s < station_.size(); ++s)
            tell(s, Master::ClockSet{.ms = static_cast<std::uint64_t>(ms)});
    }
    Devices devices() const override {
        return {.all = up_.size(),
                .up = static_cast<std::size_t>(std::ranges::count(up_, Known::up))};
    }

private:
    enum class Known : std::uint8_t { no, up, down };
    struct Entry {
        points::PointId point{};
        const Dnp3Source* source = nullptr;  // null: nobody has a name for it
        bool lost = false;                   // with its outstation, and not heard of since
    };
    using OfSession = MasterStation::Of<Master::Output>;

    void tell(std::size_t session, Master::Input what) {
        host_.input(MasterStation::Of<Master::Input>{.session = session, .what = std::move(what)});
    }
    void line_changed(bool there, const std::string& who) {
        context_.log(fmt::format("DNP3 line {} {}", context_.site.lines[site_.line].name,
                                 there ? "is open" : "is away: " + who));
        // Also those who never answered.
        for (std::size_t s = 0; !there && s < up_.size(); ++s) away(s);
    }

    void heard(MasterStation::Output&& out) {
        auto* of = std::get_if<OfSession>(&out);
        if (of == nullptr) return;
        if (const auto* measured = std::get_if<Master::Measured>(&of->what)) {
            measured_one(of->session, measured->measurement);
        } else if (auto* completed = std::get_if<Master::Completed>(&of->what)) {
            completed_one(of->session, std::move(*completed));
        } else if (std::holds_alternative<Master::StateChanged>(of->what)) {
            state_changed(of->session);
        }
    }

    void measured_one(std::size_t session, const scada::dnp3::Measurement& measurement) {
        auto& of_type = points_[session][static_cast<std::size_t>(measurement.type)];
        if (measurement.index >= of_type.size()) return;
        Entry& entry = of_type[measurement.index];
        if (entry.source == nullptr) return;
        entry.lost = false;
        points::Sample sample =
            sample_from_dnp3(measurement, *entry.source, context_.hub.arrival());
        // A clock that asks for the time is one that nobody set. [IEEE 1815 §4.2.2.6]
        if (sample.time.source == points::Time::Source::device &&
            station_.session(session).status().iin.has(scada::dnp3::Iin::need_time))
            sample.time.source = points::Time::Source::unsynchronised;
        context_.hub.update(entry.point, std::move(sample));
    }

    void state_changed(std::size_t session) {
        const Master::Status& status = station_.session(session).status();
        const std::string& name = site_.outstations[session].name;
        if (reports_[session] != status.unsolicited_enabled) {
            reports_[session] = status.unsolicited_enabled;
            context_.log(fmt::format("DNP3 outstation {}: unsolicited reporting is {}", name,
                                     status.unsolicited_enabled ? "enabled" : "off"));
        }
        if (status.up && status.started) found_again(session);
        if (!status.up) return away(session);
        if (std::exchange(up_[session], Known::up) != Known::up)
            context_.log(fmt::format("DNP3 outstation {} answers", name));
    }
    void away(std::size_t session) {
        if (std::exchange(up_[session], Known::down) == Known::down) return;
        const std::string& name = site_.outstations[session].name;
        context_.log(fmt::format("DNP3 outstation {} does not answer", name));
        each_entry(session, [&](Entry& entry) {
            entry.lost =
                !context_.hub.table().last(entry.point).quality.has(points::Flag::comm_lost);
        });
        context_.hub.flag(driver_, name, points::Flag::comm_lost, true);
    }
    /// That it answers again makes no value new: what its integrity poll tells is, and the rest
    /// when that has told all. What it says itself to be lost stays so.
    void found_again(std::size_t session) {
        each_entry(session, [&](Entry& entry) {
            if (!std::exchange(entry.lost, false)) return;
            points::Sample sample = context_.hub.table().last(entry.point);
            sample.quality.set(points::Flag::comm_lost, false);
            sample.time = context_.hub.arrival();
            context_.hub.update(entry.point, std::move(sample));
        });
    }
    template <class Do>
    void each_entry(std::size_t session, Do&& act) {
        for (std::vector<Entry>& of_type : points_[session])
            for (Entry& entry : of_type)
                if (entry.source != nullptr) act(entry);
    }

    void execute(points::CommandId id, const points::Command& command) {
        const auto found = places_.find(command.point);
        CAUSEWAY_ASSERT(found != places_.end());
        const auto [session, item] = found->second;
        const Dnp3Source& source = site_.outstations[session].points[item];
        // An outstation forgets a selection by itself; there is no request for it.
        if (command.step == points::Step::cancel) {
            tell(session, Master::ForgetSelection{});
            return context_.hub.answer(id, {});
        }
        const auto control = control_to_dnp3(command, source);
        if (!control) return context_.hub.answer(id, {.outcome = points::Outcome::out_of_range});
        using Mode = Master::Operate::Mode;
        const Mode mode = command.step == points::Step::select    ? Mode::select
                          : command.step == points::Step::operate ? Mode::operate
                          : source.select                         ? Mode::select_before_operate
                                                                  : Mode::direct;
        const auto tag = static_cast<std::uint64_t>(id);
        const Instant until = context_.hub.given_up(command);
        until_.emplace(tag, until);
        tell(session,
             Master::Operate{.tag = tag, .mode = mode, .controls = {*control}, .until = until});
    }

    void completed_one(std::size_t session, Master::Completed&& completed) {
        const auto id = points::CommandId(completed.tag);
        points::Answer answer;
        using Fate = Master::Completed::Fate;
        // What was selected for this command, another's has been put in place of since: it is
        // selected once more, and operated at once. Nothing of it was sent so far.
        if (completed.fate == Fate::unreachable && !completed.controls.empty() &&
            completed.controls.front().status == scada::dnp3::CommandStatus::no_select)
            return tell(session,
                        Master::Operate{.tag = completed.tag,
                                        .mode = Master::Operate::Mode::select_before_operate,
                                        .controls = std::move(completed.controls),
                                        .until = until_[completed.tag]});
        until_.erase(completed.tag);
        if (completed.fate == Fate::unanswered)
            answer.outcome = points::Outcome::unanswered;
        else if (completed.fate == Fate::unreachable)
            answer.outcome = points::Outcome::unreachable;
        else if (completed.fate == Fate::nonsense || completed.controls.empty())
            answer.outcome = points::Outcome::refused;
        else {
            const auto status = completed.controls.front().status;
            answer = {.outcome = outcome_from_dnp3(status), .detail = std::to_underlying(status)};
        }
        context_.hub.answer(id, answer);
    }

    const ScadaContext& context_;
    const Dnp3MasterSite& site_;
    MasterStation station_;
    LineHost<MasterStation> host_;
    std::vector<Known> up_;
    std::vector<bool> reports_;  // unasked
    points::DriverId driver_{};
    std::map<std::uint64_t, Instant> until_;  // of commands under way, which the table bounds
    std::vector<std::array<std::vector<Entry>, scada::dnp3::point_types>> points_;  // by session
    std::map<points::PointId, std::pair<std::size_t, std::size_t>> places_;
};

}  // namespace

std::unique_ptr<ScadaPart> make_dnp3_driver(const ScadaContext& context,
                                            const Dnp3MasterSite& site) {
    return std::make_unique<Dnp3Driver>(context, site);
}

}  // namespace causeway::site
