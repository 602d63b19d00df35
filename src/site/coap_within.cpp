#include "site/coap_within.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace causeway::site {
namespace {

bool is_below(std::string_view path, std::string_view branch) {
    return path.starts_with(branch) && (path.size() == branch.size() || path[branch.size()] == '/');
}

}  // namespace

void CoapWithin::answer(Asker asker, coap::Response response) {
    fronts_[asker.front](coap::Respond{asker.exchange, std::move(response)});
}

void CoapWithin::changed(const std::string& path) {
    for (const Tell& tell : fronts_) tell(coap::ResourceChanged{path});
}

bool CoapWithin::take(coap::RequestArrived& request, std::uint32_t front) {
    if (branches_.empty()) return false;
    const std::string path = request.options.path();
    for (const Branch& branch : branches_) {
        if (!is_below(path, branch.path)) continue;
        if (request.multicast)
            fronts_[front](coap::Decline{request.exchange});
        else
            branch.asked({front, request.exchange}, std::move(request));
        return true;
    }
    return false;
}

std::expected<coap::RequestId, std::string> CoapWithin::ask(const coap::Uri& uri,
                                                            coap::Request request, Hear hear) {
    const auto way = reach_(uri);
    if (!way) return std::unexpected(way.error());
    request.id = coap::RequestId{++last_id_};
    request.peer = way->peer;
    uri.add_to(request.options, way->peer);
    const coap::RequestId id = request.id;
    open_.emplace(id, Open{way->front, std::move(hear)});
    asking_ = true;
    fronts_[way->front](std::move(request));
    asking_ = false;
    return id;
}

void CoapWithin::hear_later(Heard heard) {
    boost::asio::post(io_,
                      [this, life = std::weak_ptr<const char>(alive_), heard = std::move(heard)] {
                          if (!life.expired())
                              std::visit([this](const auto& what) { (void)take(what); }, heard);
                      });
}

void CoapWithin::cancel(coap::RequestId id) {
    const auto node = open_.extract(id);
    if (node) fronts_[node.mapped().front](coap::Cancel{id});
}

bool CoapWithin::take(const coap::ResponseArrived& response) {
    const auto found = open_.find(response.id);
    if (found == open_.end()) return false;
    if (asking_) return hear_later(response), true;
    // Whoever hears it may cancel it, or ask anew.
    const Hear hear = found->second.hear;
    if (!response.more_to_come) open_.erase(found);
    hear(response);
    return true;
}

bool CoapWithin::take(const coap::RequestFailed& failed) {
    if (asking_ && open_.contains(failed.id)) return hear_later(failed), true;
    const auto node = open_.extract(failed.id);
    if (!node) return false;
    node.mapped().hear(failed);
    return true;
}

}  // namespace causeway::site
