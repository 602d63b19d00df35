#pragma once
// For others in this program: branches of resources on the gateway's endpoints, whose answers may
// take their time, and requests of their own through the gateway's clients.
#include "coap/events.hpp"
#include "coap/server.hpp"
#include "coap/uri.hpp"
#include "net/io.hpp"

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace causeway::site {

class CoapWithin {
public:
    /// What an endpoint is told, by front.
    using Tell = std::function<void(coap::EndpointInput)>;
    struct Way {
        coap::Peer peer;
        std::uint32_t front = 0;
    };
    /// How a server is reached, or why it is not.
    using Reach = std::function<std::expected<Way, std::string>(const coap::Uri& uri)>;

    CoapWithin(net::Io& io, std::vector<Tell> fronts, Reach reach)
        : io_(io), fronts_(std::move(fronts)), reach_(std::move(reach)) {}

    // ---- resources

    /// Whose request it is; answer() wants it back.
    struct Asker {
        std::uint32_t front = 0;
        coap::ExchangeId exchange{};
    };
    struct Branch {
        std::string path;  // "/points": this resource and all below it
        /// Not from groups. To be answered once; whatever is critical in it was looked at.
        std::function<void(Asker asker, coap::RequestArrived&& request)> asked;
    };
    void add(Branch branch) { branches_.push_back(std::move(branch)); }
    void answer(Asker asker, coap::Response response);
    /// Observers of that path ask again.
    void changed(const std::string& path);

    /// False: it is for none of the branches, and stands as it was.
    bool take(coap::RequestArrived& request, std::uint32_t front);

    // ---- requests

    using Heard = std::variant<coap::ResponseArrived, coap::RequestFailed>;
    using Hear = std::function<void(const Heard& heard)>;
    /// `request` needs no id and no peer; the options of `uri` are added to it. `hear` is called
    /// until it is over, never before this returns. What is said instead: why nobody was asked.
    std::expected<coap::RequestId, std::string> ask(const coap::Uri& uri, coap::Request request,
                                                    Hear hear);
    /// Nothing more is heard of it.
    void cancel(coap::RequestId id);

    /// False: it is not to a request from within.
    bool take(const coap::ResponseArrived& response);
    bool take(const coap::RequestFailed& failed);

private:
    struct Open {
        std::uint32_t front = 0;
        Hear hear;
    };

    void hear_later(Heard heard);

    net::Io& io_;
    std::vector<Tell> fronts_;
    Reach reach_;
    std::vector<Branch> branches_;
    std::map<coap::RequestId, Open> open_;
    std::uint64_t last_id_ = std::uint64_t{0x574e} << 48;  // apart from the proxy's and others'
    bool asking_ = false;
    std::shared_ptr<const char> alive_ = std::make_shared<const char>();
};

}  // namespace causeway::site
