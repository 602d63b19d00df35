#include "site/management.hpp"

#include "mqtt/topic.hpp"
#include "net/http_server.hpp"
#include "site/coap_metrics.hpp"
#include "site/metrics.hpp"
#include "site/mqtt_metrics.hpp"
#include "site/scada_metrics.hpp"
#include "site/text_file.hpp"

#include <boost/json.hpp>

#include <charconv>

namespace causeway::site {
namespace {

namespace json = boost::json;
using net::HttpRequest;
using net::HttpResponse;

constexpr std::size_t clients_max = 1000;  // of one answer

HttpResponse answer(const json::value& value, unsigned status = 200) {
    return {.status = status, .body = json::serialize(value) + '\n'};
}
HttpResponse refusal(unsigned status, std::string_view what) {
    return answer(json::object{{"error", what}}, status);
}

class Desk {
public:
    explicit Desk(const ManagementService::Services& services)
        : mqtt_(services.mqtt), coap_(services.coap), scada_(services.scada) {}

    HttpResponse handle(const HttpRequest& request) {
        const std::string& path = request.target.path;
        if (path == "/metrics") return only(request, "GET", [&] { return metrics(); });
        if (path == "/coap/stats" && coap_ != nullptr)
            return only(request, "GET", [&] { return answer(coap_to_json(*coap_)); });
        if (scada_ != nullptr) {
            if (path == "/scada/stats")
                return only(request, "GET", [&] { return answer(scada_to_json(*scada_)); });
            if (path == "/points")
                return only(request, "GET", [&] {
                    const std::string* const device = request.query("device");
                    return answer(points_to_json(scada_->points(), device ? *device : ""));
                });
            if (path.starts_with("/points/"))
                return only(request, "GET", [&] { return point(request.target.segments); });
        }
        if (mqtt_ == nullptr || !path.starts_with("/mqtt/")) return refusal(404, "no such path");
        if (path == "/mqtt/stats") {
            return only(request, "GET", [&] { return answer(broker_to_json(*mqtt_)); });
        }
        if (path == "/mqtt/clients") return only(request, "GET", [&] { return list(request); });
        if (path == "/mqtt/reload") return only(request, "POST", [&] { return reload(); });
        if (path == "/mqtt/publish") {
            return only(request, "POST", [&] { return publish(request.body); });
        }
        const auto& segments = request.target.segments;
        if (segments.size() == 3 && segments[1] == "clients") return one(request, segments[2]);
        return refusal(404, "no such path");
    }

private:
    template <class Work>
    static HttpResponse only(const HttpRequest& request, std::string_view method, Work&& work) {
        if (request.method == method) return work();
        HttpResponse response = refusal(405, "this path takes " + std::string(method));
        response.headers.emplace_back("Allow", method);
        return response;
    }

    HttpResponse metrics() const {
        std::string text;
        if (mqtt_ != nullptr) text += broker_to_prometheus(*mqtt_);
        if (coap_ != nullptr) {
            coap_->visit([&](std::string_view group, std::string_view name, std::uint64_t value) {
                append_metric(text, "coap_" + std::string(group), name, value);
            });
        }
        if (scada_ != nullptr) {
            scada_->visit([&](std::string_view group, std::string_view name, std::uint64_t value) {
                append_metric(text, "scada_" + std::string(group), name, value);
            });
        }
        return {.status = 200,
                .body = std::move(text),
                .type = "text/plain; version=0.0.4; charset=utf-8"};
    }

    HttpResponse point(const std::vector<std::string>& segments) const {
        std::string path;
        for (std::size_t i = 1; i < segments.size(); ++i)
            path += (path.empty() ? "" : "/") + segments[i];
        const auto found = scada_->points().find(path);
        return found ? answer(point_to_json(scada_->points(), *found))
                     : refusal(404, "no such point");
    }

    HttpResponse list(const HttpRequest& request) const {
        std::size_t most = 100;
        if (const std::string* const text = request.query("max")) {
            const auto [end, error] =
                std::from_chars(text->data(), text->data() + text->size(), most);
            if (error != std::errc{} || end != text->data() + text->size() || most == 0 ||
                most > clients_max) {
                return refusal(400, "max has to be 1 to 1000");
            }
        }
        const std::string* const after = request.query("after");
        json::array clients;
        for (const auto& client : mqtt_->broker().clients(
                 mqtt_->now(), after != nullptr ? *after : std::string(), most)) {
            clients.push_back(client_to_json(client));
        }
        return answer(json::object{{"clients", std::move(clients)}});
    }

    HttpResponse one(const HttpRequest& request, const std::string& client_id) {
        if (request.method == "GET") {
            const auto client = mqtt_->client(client_id);
            return client ? answer(client_to_json(*client)) : refusal(404, "no such client");
        }
        if (request.method == "DELETE") {
            const std::string* const session = request.query("session");
            if (session != nullptr && *session != "true" && *session != "false") {
                return refusal(400, "session has to be true or false");
            }
            const bool session_too = session != nullptr && *session == "true";
            if (!mqtt_->kick(client_id, session_too)) return refusal(404, "no such client");
            return answer(json::object{{"kicked", client_id}, {"session_ended", session_too}});
        }
        HttpResponse response = refusal(405, "this path takes GET and DELETE");
        response.headers.emplace_back("Allow", "GET, DELETE");
        return response;
    }

    HttpResponse reload() {
        const auto reloaded = mqtt_->reload();
        json::array lines;
        for (const std::string& line : reloaded.lines) lines.emplace_back(line);
        return answer(json::object{{"reloaded", reloaded.well}, {"lines", std::move(lines)}},
                      reloaded.well ? 200 : 422);
    }

    HttpResponse publish(const std::string& body) {
        boost::system::error_code error;
        const json::value parsed = json::parse(body, error);
        const auto* const object = error ? nullptr : parsed.if_object();
        if (object == nullptr) return refusal(400, "the body has to be a JSON object");
        const auto* const topic = object->if_contains("topic");
        const auto* const payload = object->if_contains("payload");
        const auto* const qos = object->if_contains("qos");
        const auto* const retain = object->if_contains("retain");
        if (topic == nullptr || !topic->is_string() ||
            !mqtt::is_topic_name(std::string_view(topic->get_string()))) {
            return refusal(400, "topic has to be a topic name");
        }
        if (payload == nullptr || !payload->is_string()) {
            return refusal(400, "payload has to be a text");
        }
        if (qos != nullptr && (!qos->is_int64() || qos->get_int64() < 0 || qos->get_int64() > 2)) {
            return refusal(400, "qos has to be 0, 1 or 2");
        }
        if (retain != nullptr && !retain->is_bool()) {
            return refusal(400, "retain has to be true or false");
        }
        mqtt::Publish message;
        message.topic = topic->get_string();
        message.payload = as_octets(std::string_view(payload->get_string()));
        message.qos = static_cast<mqtt::Qos>(qos != nullptr ? qos->get_int64() : 0);
        message.retain = retain != nullptr && retain->get_bool();
        mqtt_->publish(std::make_shared<mqtt::Message>(message, never));
        return answer(json::object{{"published", message.topic}}, 202);
    }

    MqttService* mqtt_;
    const CoapService* coap_;
    const ScadaService* scada_;
};

}  // namespace

struct ManagementService::State {
    Desk desk;
    std::optional<net::HttpServer> server;
};

net::Opened<ManagementService> ManagementService::open(net::Io& io, const Management& site,
                                                       Services services) {
    net::HttpServer::Options options;
    if (!site.token_file.empty()) {
        auto token = read_first_line(site.token_file);
        if (!token) return std::unexpected(net::Trouble{token.error(), {}});
        options.bearer_token = *std::move(token);
    }
    auto state = std::make_unique<State>(Desk(services), std::nullopt);
    auto server = net::HttpServer::listen(
        io, site.listen,
        [desk = &state->desk](const HttpRequest& request) { return desk->handle(request); },
        std::move(options));
    if (!server) return std::unexpected(std::move(server.error()));
    state->server = *std::move(server);
    return ManagementService(std::move(state));
}

ManagementService::ManagementService(std::unique_ptr<State> state) noexcept
    : state_(std::move(state)) {}
ManagementService::ManagementService(ManagementService&&) noexcept = default;
ManagementService& ManagementService::operator=(ManagementService&&) noexcept = default;
ManagementService::~ManagementService() = default;

std::string ManagementService::listening_on() const {
    return state_->server->listening_on();
}

}  // namespace causeway::site
