// Points as DNP3 outstations: changes become events, controls become commands.
#include "base/engine.hpp"
#include "scada/dnp3/stations.hpp"
#include "site/line_host.hpp"
#include "site/scada_parts.hpp"
#include "site/scada_translate.hpp"

#include <fmt/format.h>

#include <map>

namespace causeway::site {
namespace {

using scada::dnp3::Outstation;
using scada::dnp3::OutstationStation;
using scada::dnp3::PointType;

/// Changes that wait for the outstation's own buffers: those are what bounds its memory.
constexpr std::size_t changes_max = 100'000;

std::vector<scada::dnp3::SessionPlan> face_sessions(const Dnp3OutstationSite& site) {
    std::vector<scada::dnp3::SessionPlan> plans;
    for (const Dnp3Face& face : site.faces) plans.push_back(face.session);
    return plans;
}
std::vector<Outstation> outstations(const Dnp3OutstationSite& site) {
    std::vector<Outstation> all;
    for (const Dnp3Face& face : site.faces) {
        std::vector<scada::dnp3::PointPlan> plans;
        for (const Dnp3Window& window : face.windows) plans.push_back(window.plan);
        all.emplace_back(face.settings, plans);
    }
    return all;
}

class Dnp3OutstationFace final : public ScadaPart {
public:
    Dnp3OutstationFace(const ScadaContext& context, const Dnp3OutstationSite& site)
        : context_(context),
          site_(site),
          station_(site.channel, face_sessions(site), outstations(site)),
          host_(context.io, context.clock, context.lines, station_,
                [this](OutstationStation::Output&& out) { heard(std::move(out)); }) {
        for (std::size_t s = 0; s < site.faces.size(); ++s) add_session(s);
    }

    std::optional<net::Trouble> open() override {
        return host_.open(context_.site.lines[site_.line].spec,
                          context_.site.lines[site_.line].door);
    }
    std::string where() const override {
        return fmt::format("DNP3 outstation on {}", host_.where());
    }
    std::string_view group() const override { return "dnp3_outstation"; }
    void visit(const Named& named) const override {
        // Both have fragments.
        station_.channel().stats().visit([&](std::string_view name, std::uint64_t value) {
            named("link_" + std::string(name), value);
        });
        host_.visit_line(named);
        for (std::size_t s = 0; s < station_.size(); ++s) {
            const Outstation& session = station_.session(s);
            const Outstation::Status status = session.status();
            session.stats().visit(named);
            const scada::dnp3::Classes& on = status.unsolicited_enabled;
            named("unsolicited_enabled", on.one || on.two || on.three ? 1 : 0);
            named("overflowing", status.overflow ? 1 : 0);
        }
    }
    void tell_time(std::int64_t ms) override {
        for (std::size_t s = 0; s < station_.size(); ++s)
            if (!site_.faces[s].settings.needs_time)
                tell(s, Outstation::ClockSet{.ms = static_cast<std::uint64_t>(ms)});
    }

private:
    struct Control {
        points::PointId point{};
        std::size_t window = 0;
        std::uint64_t selected_by = 0;  // the master that did last
    };
    struct Session {
        points::SubscriberId subscriber{};
        points::RequesterId requester{};
        std::multimap<points::PointId, std::size_t> windows;
        /// Of the face's windows, those that may be operated.
        std::map<std::pair<PointType, std::uint16_t>, Control> controls;
    };
    using OfSession = OutstationStation::Of<Outstation::Output>;

    void tell(std::size_t session, Outstation::Input what) {
        host_.input(
            OutstationStation::Of<Outstation::Input>{.session = session, .what = std::move(what)});
    }

    void add_session(std::size_t s) {
        PointHub& hub = context_.hub;
        Session session;
        session.subscriber = hub.add_subscriber(
            {.keep = points::SubscriberSettings::Keep::all, .queue_max = changes_max},
            [this, s] { take_changes(s); });
        session.requester = hub.add_requester([this, s](const points::Table::Completed& completed) {
            tell(s,
                 Outstation::CommandAnswered{.id = Outstation::RequestId(completed.command.tag),
                                             .status = outcome_to_dnp3(completed.answer.outcome)});
        });
        const Dnp3Face& face = site_.faces[s];
        for (std::size_t i = 0; i < face.windows.size(); ++i) {
            const Dnp3Window& window = face.windows[i];
            const points::PointId point = *hub.table().find(window.point);
            session.windows.emplace(point, i);
            if (window.control)
                session.controls.emplace(std::pair(window.plan.type, window.plan.index),
                                         Control{.point = point, .window = i});
            hub.table().watch(session.subscriber, point);
            // What stands there before anything is known is no event.
            tell(s,
                 Outstation::Update{.measurement = sample_to_dnp3(hub.table().last(point), window),
                                    .no_event = true});
        }
        sessions_.push_back(std::move(session));
    }

    void take_changes(std::size_t s) {
        Session& session = sessions_[s];
        while (const auto change = context_.hub.table().take(session.subscriber)) {
            const auto [from, to] = session.windows.equal_range(change->point);
            for (auto at = from; at != to; ++at) {
                const Dnp3Window& window = site_.faces[s].windows[at->second];
                tell(s, Outstation::Update{.measurement = sample_to_dnp3(change->sample, window)});
            }
        }
        if (const auto lost = context_.hub.table().take_lost(session.subscriber); lost > 0)
            context_.log(fmt::format("DNP3 outstation {}: {} changes came too fast and are lost",
                                     site_.faces[s].settings.address, lost));
    }

    void heard(OutstationStation::Output&& out) {
        auto* of = std::get_if<OfSession>(&out);
        if (of == nullptr) return;
        if (const auto* request = std::get_if<Outstation::CommandRequested>(&of->what)) {
            command(of->session, *request);
        } else if (const auto* gone = std::get_if<Outstation::SelectionGone>(&of->what)) {
            const auto found = sessions_[of->session].controls.find({gone->type, gone->index});
            if (found == sessions_[of->session].controls.end()) return;
            context_.hub.command({.point = found->second.point,
                                  .step = points::Step::cancel,
                                  .requester = sessions_[of->session].requester,
                                  .session = found->second.selected_by});
        } else if (const auto* time = std::get_if<Outstation::TimeWritten>(&of->what)) {
            context_.log(fmt::format("DNP3 outstation {}: a master set the time to {} ms",
                                     site_.faces[of->session].settings.address, time->ms));
        } else if (const auto* restart = std::get_if<Outstation::RestartRequested>(&of->what)) {
            context_.log(fmt::format("DNP3 outstation {}: a master asked for a {} restart",
                                     site_.faces[of->session].settings.address,
                                     restart->cold ? "cold" : "warm"));
        }
    }

    void command(std::size_t s, const Outstation::CommandRequested& request) {
        const auto refuse = [&](scada::dnp3::CommandStatus status) {
            tell(s, Outstation::CommandAnswered{.id = request.id, .status = status});
        };
        Session& session = sessions_[s];
        const bool analog =
            std::holds_alternative<scada::dnp3::AnalogCommand>(request.control.what);
        const auto found = session.controls.find(
            {analog ? PointType::analog_output : PointType::binary_output, request.control.index});
        if (found == session.controls.end())
            return refuse(scada::dnp3::CommandStatus::not_supported);
        Control& control = found->second;
        const auto meaning =
            control_from_dnp3(request.control, site_.faces[s].windows[control.window]);
        if (!meaning) return refuse(scada::dnp3::CommandStatus::not_supported);
        using Step = Outstation::CommandRequested::Step;
        const points::Step step = request.step == Step::select    ? points::Step::select
                                  : request.step == Step::operate ? points::Step::operate
                                                                  : points::Step::direct;
        // Where whoever asks is answered, one may not operate what another has selected.
        if (step == points::Step::select) control.selected_by = request.master;
        context_.hub.command({.point = control.point,
                              .step = step,
                              .value = meaning->value,
                              .pulse = meaning->pulse,
                              .requester = session.requester,
                              .session = request.master,
                              .tag = static_cast<std::uint64_t>(request.id),
                              .timeout = site_.faces[s].settings.command_within});
    }

    const ScadaContext& context_;
    const Dnp3OutstationSite& site_;
    OutstationStation station_;
    LineHost<OutstationStation> host_;
    std::vector<Session> sessions_;
};

}  // namespace

std::unique_ptr<ScadaPart> make_dnp3_face(const ScadaContext& context,
                                          const Dnp3OutstationSite& site) {
    return std::make_unique<Dnp3OutstationFace>(context, site);
}

}  // namespace causeway::site
