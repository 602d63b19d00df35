#include "site/mqtt_auth.hpp"

#include "base/assert.hpp"
#include "crypto/base64.hpp"
#include "crypto/digest.hpp"
#include "crypto/entropy.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <map>

namespace causeway::site {
namespace {

constexpr std::string_view scram_method = "SCRAM-SHA-256";

Octets chance(std::size_t octets) {
    Octets drawn(octets);
    CAUSEWAY_ASSERT(crypto::system_random(drawn));
    return drawn;
}

}  // namespace

struct MqttAuth::State : std::enable_shared_from_this<State> {
    State(net::Io& io_loop, std::function<void(mqtt::Authenticated)> given)
        : io(io_loop), answer(std::move(given)), key(chance(32)) {}

    void reply(const mqtt::Authenticate& question, mqtt::Reason verdict, std::string user = {},
               Octets data = {}) {
        ++(verdict == mqtt::Reason::success                   ? stats.accepted
           : verdict == mqtt::Reason::continue_authentication ? stats.continued
           : verdict == mqtt::Reason::server_busy             ? stats.busy
                                                              : stats.refused);
        mqtt::Authenticated done{question.id, question.ticket, verdict, std::move(user),
                                 std::move(data)};
        boost::asio::post(io, [life = weak_from_this(), done = std::move(done)]() mutable {
            const auto self = life.lock();
            if (self && self->answer) self->answer(std::move(done));
        });
    }

    void by_password(mqtt::Authenticate question);
    void hashed(const mqtt::Authenticate& question, const crypto::Sha256& digest, bool right,
                const std::shared_ptr<const MqttUsers>& by);
    void by_scram(const mqtt::Authenticate& question);

    net::Io& io;
    std::function<void(mqtt::Authenticated)> answer;
    Octets key;  // of the digests below, new in each process
    std::shared_ptr<const MqttUsers> users;
    std::map<std::string, crypto::Sha256, std::less<>> proven;  // no more than there are users
    std::map<mqtt::ConnectionId, MqttUsers::Scram> scrams;
    Stats stats;
    boost::asio::thread_pool pool{threads};
};

void MqttAuth::State::by_password(mqtt::Authenticate question) {
    const std::string user = question.user_name.value_or(std::string());
    if (!users) return reply(question, mqtt::Reason::success, user);
    if (!question.user_name || !question.password) {
        return reply(question, mqtt::Reason::bad_user_name_or_password);
    }
    const crypto::Sha256 digest = crypto::hmac_sha256(key, *question.password);
    if (const auto known = proven.find(user); known != proven.end() && known->second == digest) {
        return reply(question, mqtt::Reason::success, user);
    }
    if (stats.waiting >= waiting_max) return reply(question, mqtt::Reason::server_busy);
    ++stats.waiting;
    boost::asio::post(pool, [self = shared_from_this(), by = users, digest,
                             question = std::move(question)]() mutable {
        const bool right = by->verify(*question.user_name, *question.password);
        question.password.reset();
        boost::asio::post(self->io, [self, by, digest, right, question = std::move(question)] {
            self->hashed(question, digest, right, by);
        });
    });
}

void MqttAuth::State::hashed(const mqtt::Authenticate& question, const crypto::Sha256& digest,
                             bool right, const std::shared_ptr<const MqttUsers>& by) {
    --stats.waiting;
    if (!right) return reply(question, mqtt::Reason::bad_user_name_or_password);
    if (by == users) proven.insert_or_assign(*question.user_name, digest);
    reply(question, mqtt::Reason::success, *question.user_name);
}

void MqttAuth::State::by_scram(const mqtt::Authenticate& question) {
    const std::string_view message = question.data ? as_text(*question.data) : std::string_view();
    if (question.method != scram_method || !users) {
        return reply(question, mqtt::Reason::bad_authentication_method);
    }
    // A first message begins with what binds the channel, a last one with "c=" [RFC 5802 §7].
    auto node = scrams.extract(question.id);
    if (node && message.starts_with("c=")) {
        const auto last = MqttUsers::scram_finish(node.mapped(), message);
        if (!last) return reply(question, mqtt::Reason::not_authorized);
        return reply(question, mqtt::Reason::success, node.mapped().user,
                     to_octets(as_octets(*last)));
    }
    if (scrams.size() >= scrams_max) return reply(question, mqtt::Reason::server_busy);
    auto begun = users->scram_start(message, crypto::to_base64(chance(crypto::nonce_octets)));
    if (!begun) return reply(question, mqtt::Reason::not_authorized);
    Octets challenge = to_octets(as_octets(begun->challenge));
    scrams.insert_or_assign(question.id, *std::move(begun));
    reply(question, mqtt::Reason::continue_authentication, {}, std::move(challenge));
}

MqttAuth::MqttAuth(net::Io& io, std::function<void(mqtt::Authenticated)> answer)
    : state_(std::make_shared<State>(io, std::move(answer))) {}

MqttAuth::~MqttAuth() {
    state_->answer = nullptr;
    state_->pool.stop();
    state_->pool.join();
}

void MqttAuth::replace(std::shared_ptr<const MqttUsers> users) {
    if (users == state_->users) return;
    state_->users = std::move(users);
    state_->proven.clear();
    state_->scrams.clear();
}

void MqttAuth::ask(mqtt::Authenticate question) {
    ++state_->stats.asked;
    if (question.method.empty())
        state_->by_password(std::move(question));
    else
        state_->by_scram(question);
}

void MqttAuth::forget(mqtt::ConnectionId id) {
    state_->scrams.erase(id);
}

const MqttAuth::Stats& MqttAuth::stats() const noexcept {
    return state_->stats;
}

}  // namespace causeway::site
