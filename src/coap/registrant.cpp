#include "coap/registrant.hpp"

#include "coap/content_format.hpp"

#include <algorithm>

namespace causeway::coap {
namespace {

using std::chrono::seconds;

/// A registration takes that long at most before it fails: MAX_TRANSMIT_WAIT and a response of its
/// own after that. [RFC 7252 §4.8.2]
constexpr Duration registering_takes = seconds(247);
/// However long a directory asks to be left alone.
constexpr Duration left_alone_max = std::chrono::hours(24);
constexpr std::size_t location_segments_max = 8;
constexpr std::uint32_t lifetime_assumed = 90'000;  // where none is said [RFC 9176 §5]

/// How long a directory that is busy asks to be left alone.
Duration wish_of(const ResponseArrived& response) noexcept {
    const auto age = response.options.uint(OptionNumber::max_age);
    const bool busy =
        response.code == Code::service_unavailable || response.code == Code::too_many_requests;
    return busy && age ? std::min<Duration>(seconds(*age), left_alone_max) : Duration{};
}

}  // namespace

Registrant::Registrant(Settings settings, Random random)
    : settings_(std::move(settings)), random_(random) {}

bool Registrant::owns(RequestId id) const noexcept {
    const std::uint64_t number = std::to_underlying(id);
    return number >= settings_.first_request && number - settings_.first_request <= UINT16_MAX;
}

void Registrant::handle(Instant now, Input in) {
    std::visit(Overloaded{
                   [&](Start& event) { start(now, std::move(event)); },
                   [&](const Stop&) { stop(now); },
                   [&](LinksChanged& event) { links_changed(now, std::move(event.links)); },
                   [&](const ResponseArrived& event) { answered(now, event); },
                   [&](const RequestFailed& event) { failed(now, event); },
               },
               in);
}

void Registrant::handle_timeout(Instant now) {
    if (due_ > now) return;
    // An update has no links: who has others to tell of registers anew.
    if (state_ == State::registered && !location_.empty())
        ask_to_renew(now);
    else
        ask_to_register(now);
}

// ---- what it is told to do ---------------------------------------------------------------------

void Registrant::start(Instant now, Start&& start) {
    const bool going = state_ != State::stopped && state_ != State::leaving && !stopping_;
    if (going && start.directory == directory_) return links_changed(now, std::move(start.links));
    if (is_asking()) {
        --stats_.pending;
        ++stats_.abandoned;
    }
    directory_ = start.directory;
    links_ = std::move(start.links);
    location_.clear();
    good_until_ = Instant::min();
    back_off_ = {};
    stopping_ = false;
    state_ = State::waiting;
    due_ = after(now, random_.within(settings_.spread));
}

void Registrant::stop(Instant now) {
    if (state_ == State::stopped || state_ == State::leaving) return;
    stopping_ = true;
    if (!is_asking()) leave(now);
}

void Registrant::links_changed(Instant now, std::string&& links) {
    if (state_ == State::stopped || state_ == State::leaving || stopping_ || links == links_)
        return;
    links_ = std::move(links);
    outdated_ = true;
    if (state_ == State::registered) ask_to_register(now);
}

// ---- what became of its requests ---------------------------------------------------------------

bool Registrant::take(RequestId id) {
    if (!is_asking() || std::to_underlying(id) != settings_.first_request + serial_) return false;
    --stats_.pending;
    return true;
}

void Registrant::answered(Instant now, const ResponseArrived& response) {
    if (!take(response.id)) return;
    if (is_success(response.code)) return succeeded(now, response.options);
    const bool unknown = response.code == Code::not_found;
    if (state_ == State::renewing && unknown) {
        // "If the registration resource is removed, the corresponding endpoint will need to be
        // reregistered." [RFC 9176 §5.3]
        ++stats_.forgotten;
        location_.clear();
        good_until_ = Instant::min();
        return stopping_ ? leave(now) : ask_to_register(now);
    }
    ++(state_ == State::leaving && unknown ? stats_.forgotten : stats_.refused);
    retry(now, wish_of(response));
}

void Registrant::failed(Instant now, const RequestFailed& failure) {
    if (!take(failure.id)) return;
    ++stats_.failed;
    retry(now, {});
}

void Registrant::succeeded(Instant now, const Options& options) {
    if (state_ == State::leaving) {
        ++stats_.removed;
        return rest();
    }
    if (state_ == State::registering) {
        ++stats_.registered;
        location_.clear();
        for (const Option option : options)
            if (option.number == OptionNumber::location_path)
                location_.emplace_back(option.as_text());
        if (location_.size() > location_segments_max) location_.clear();
    } else {
        ++stats_.renewed;
    }
    back_off_ = {};
    good_until_ = after(asked_at_, seconds(settings_.lifetime));
    if (stopping_) return leave(now);
    if (outdated_) return ask_to_register(now);
    state_ = State::registered;
    // Early enough for a lost exchange or two, and not all at once.
    const Duration lifetime = seconds(settings_.lifetime);
    const Duration margin = std::min(lifetime / 2, std::max(lifetime / 10, registering_takes));
    const Duration latest = lifetime - margin;
    due_ = after(asked_at_, latest - random_.within(latest / 8));
}

/// "If the registration update fails in any way ..., the registering endpoint SHOULD attempt
/// registration again" [RFC 9176 §5.3.1], and "very strictly rate-limit requests to candidate IP
/// addresses that don't work out" [RFC 9176 §4.1].
void Registrant::retry(Instant now, Duration at_least) {
    if (state_ == State::leaving) return rest();
    if (stopping_) return leave(now);
    back_off_ = back_off_ == Duration{} ? settings_.retry_first
                                        : std::min(back_off_ * 2, settings_.retry_max);
    state_ = State::waiting;
    const Duration jitter = random_.within(back_off_ / 4);
    due_ = after(now, std::max(back_off_, at_least) + jitter);
}

/// Takes back what may still be registered.
void Registrant::leave(Instant now) {
    if (location_.empty()) return rest();
    ask(now, State::leaving, request_to(Code::delete_));
}

void Registrant::rest() {
    state_ = State::stopped;
    stopping_ = false;
    due_ = never;
    location_.clear();
    good_until_ = Instant::min();
}

// ---- requests ----------------------------------------------------------------------------------

void Registrant::ask_to_register(Instant now) {
    Request request;
    request.code = Code::post;
    request.options.add_path(settings_.path);
    const auto add = [&](std::string_view name, std::string_view value) {
        if (value.empty()) return;
        request.options.add_text(OptionNumber::uri_query,
                                 std::string(name) + '=' + std::string(value));
    };
    add("ep", settings_.endpoint);
    add("d", settings_.sector);
    if (settings_.lifetime != lifetime_assumed) add("lt", std::to_string(settings_.lifetime));
    add("base", settings_.base);
    for (const std::string& attribute : settings_.attributes)
        request.options.add_text(OptionNumber::uri_query, attribute);
    request.options.add_uint(OptionNumber::content_format,
                             std::to_underlying(ContentFormat::link_format));
    request.payload = to_octets(as_octets(links_));
    outdated_ = false;
    ask(now, State::registering, std::move(request));
}

void Registrant::ask_to_renew(Instant now) {
    ask(now, State::renewing, request_to(Code::post));
}

Request Registrant::request_to(Code code) const {
    Request request;
    request.code = code;
    for (const std::string& segment : location_)
        request.options.add_text(OptionNumber::uri_path, segment);
    return request;
}

void Registrant::ask(Instant now, State state, Request&& request) {
    request.id = RequestId{settings_.first_request + ++serial_};
    request.peer = directory_;
    state_ = state;
    asked_at_ = now;
    due_ = never;
    ++stats_.requests;
    ++stats_.pending;
    out_.push(std::move(request));
}

}  // namespace causeway::coap
