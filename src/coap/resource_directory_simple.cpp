// Simple registration: the directory asks for the links itself. [RFC 9176 §5.1]
#include "coap/resource_directory.hpp"

#include "coap/observe_client.hpp"

#include <algorithm>

namespace causeway::coap {
namespace {

constexpr std::uint32_t next_try_seconds = 5;

}  // namespace

std::optional<Response> ResourceDirectory::register_simply(Instant now,
                                                           const RequestArrived& request,
                                                           std::string_view identity,
                                                           std::uint32_t front) {
    const auto wrong = [&](std::string_view what) {
        return refuse(stats_.refused_parameters, Code::bad_request, what);
    };
    auto parameters = RegistrationParameters::from_options(request.options);
    if (!parameters) return wrong(parameters.error());
    if (!parameters->endpoint) return wrong("ep is missing");
    // "The base attribute is not accepted ...; that rules out registration over CoAP-over-TCP"
    if (parameters->base) return wrong("base is not for simple registration");
    if (request.peer.is_reliable()) return wrong("simple registration is not for streams");
    if (!request.payload.empty()) return wrong("simple registration has no payload");

    const std::uint32_t at = find(*parameters->endpoint, parameters->sector.value_or(""));
    if (at != nowhere) {
        if (auto refusal = guard(at, identity)) return refusal;
        Registration& r = all_[at];
        // "It SHOULD keep a cache of the discovery resource and not query it again as long as it is
        // fresh"
        if (r.simple && r.active && now < r.fresh_until && r.fetched_from == request.peer &&
            r.front == front && r.attributes == parameters->attributes) {
            r.lifetime = parameters->lifetime.value_or(lifetime_default);
            renew(now, at);
            ++stats_.simple_renewed;
            return response_of(Code::changed);
        }
    }
    const bool asked = std::ranges::any_of(fetches_, [&](const Fetch& fetch) {
        return fetch.wanted.peer == request.peer && fetch.wanted.front == front;
    });
    if (asked || fetches_.size() >= settings_.fetches_max)
        return refuse(stats_.refused_fetches, Code::service_unavailable,
                      asked ? "you are being asked already" : "too many are being asked",
                      next_try_seconds);

    Fetch fetch;
    fetch.id = RequestId{settings_.first_request + ++last_request_};
    fetch.exchange = request.exchange;
    fetch.due = after(now, settings_.fetch_timeout);
    fetch.wanted.parameters = *std::move(parameters);
    fetch.wanted.identity = identity;
    fetch.wanted.peer = request.peer;
    fetch.wanted.front = front;
    fetch.wanted.simple = true;
    Request ask;
    ask.id = fetch.id;
    ask.peer = request.peer;
    ask.options.add_path("/.well-known/core");
    ask.options.add_uint(OptionNumber::accept, std::to_underlying(ContentFormat::link_format));
    fetches_.push_back(std::move(fetch));
    ++stats_.simple_pending;
    out_.push({front, std::move(ask)});
    return std::nullopt;
}

bool ResourceDirectory::owns(RequestId id) const noexcept {
    const std::uint64_t number = std::to_underlying(id);
    return number > settings_.first_request && number - settings_.first_request <= last_request_;
}

std::size_t ResourceDirectory::fetch_of(RequestId id) const noexcept {
    return static_cast<std::size_t>(std::ranges::find(fetches_, id, &Fetch::id) - fetches_.begin());
}

void ResourceDirectory::end_fetch(std::size_t index, Response response) {
    const auto at = fetches_.begin() + static_cast<std::ptrdiff_t>(index);
    out_.push({at->wanted.front, Respond{at->exchange, std::move(response)}});
    fetches_.erase(at);
    --stats_.simple_pending;
}

void ResourceDirectory::handle(Instant now, const ResponseArrived& response) {
    const std::size_t index = fetch_of(response.id);
    if (index == fetches_.size()) return;
    const auto format = response.options.uint(OptionNumber::content_format);
    const bool has_format = response.options.has(OptionNumber::content_format);
    if (response.code != Code::content ||
        (has_format && format != std::to_underlying(ContentFormat::link_format))) {
        ++stats_.simple_failed;
        return end_fetch(index, response_of(Code::bad_gateway, "/.well-known/core gave no links"));
    }
    Wanted& wanted = fetches_[index].wanted;
    if (auto refusal = read_links(response.payload, wanted.links))
        return end_fetch(index, *std::move(refusal));
    const std::uint32_t age = response.options.has(OptionNumber::max_age)
                                  ? response.options.uint(OptionNumber::max_age).value_or(0)
                                  : default_max_age;
    wanted.fresh_until = after(now, std::chrono::seconds(age));
    // Others may have come since: who may have the name is asked once more.
    Wanted taken = std::move(wanted);
    std::uint32_t at = nowhere;
    auto refusal = store(now, std::move(taken), at);
    end_fetch(index, refusal ? *std::move(refusal) : response_of(Code::changed));
}

void ResourceDirectory::handle(Instant, const RequestFailed& failed) {
    const std::size_t index = fetch_of(failed.id);
    if (index == fetches_.size()) return;
    ++stats_.simple_failed;
    end_fetch(index, response_of(Code::gateway_timeout, "/.well-known/core did not answer"));
}

}  // namespace causeway::coap
