#pragma once
// Who may connect and what they may do, as two files say; read again whole or not at all.
#include "mqtt/access.hpp"
#include "site/mqtt_users.hpp"

#include <memory>
#include <string>
#include <vector>

namespace causeway::site {

class MqttPolicy {
public:
    /// Paths; an empty one: no such file, everything is allowed.
    MqttPolicy(std::string passwords, std::string access)
        : passwords_(std::move(passwords)), access_(std::move(access)) {}

    struct Loaded {
        bool well = true;
        std::vector<std::string> lines;  // what changed; or every mistake, "FILE:3:1: ..."
    };
    /// Both files or neither: with a mistake in one, the old of both stay.
    [[nodiscard]] Loaded load();

    /// Null where there is no password file.
    [[nodiscard]] std::shared_ptr<const MqttUsers> users() const noexcept { return users_; }
    [[nodiscard]] std::shared_ptr<const mqtt::AccessRules> rules() const noexcept { return rules_; }

private:
    std::string passwords_;
    std::string access_;
    std::string passwords_text_;
    std::string access_text_;
    std::shared_ptr<const MqttUsers> users_;
    std::shared_ptr<const mqtt::AccessRules> rules_ = std::make_shared<mqtt::AccessRules>();
};

}  // namespace causeway::site
