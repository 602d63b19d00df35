#pragma once
// -F: a message in the user's words, with mosquitto_sub's sequences.
#include "mqtt/packet.hpp"

#include <ctime>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace causeway::cli {

class MqttFormat {
public:
    /// What is understood, or the line that says what is not.
    [[nodiscard]] static std::expected<MqttFormat, std::string> parse(std::string_view text,
                                                                      bool pretty);
    struct Moment {
        std::tm local;
        long nanoseconds;
        std::int64_t unix_seconds;
        [[nodiscard]] static Moment now();
    };
    /// Nothing when the payload is to be JSON (%J) and is none.
    [[nodiscard]] std::expected<std::string, std::string> apply(const mqtt::Publish& message,
                                                                const Moment& moment) const;

private:
    struct Piece {
        enum class Kind : std::uint8_t { text, value, time } kind;
        char what;  // of a value or a time
        std::string text;
        bool left = false;
        bool zero = false;
        std::size_t width = 0;
        std::size_t width_max = std::string::npos;
    };
    static void put(const Piece& piece, std::string_view value, bool number, std::string& out);
    static std::expected<void, std::string> put_value(const Piece& piece,
                                                      const mqtt::Publish& message,
                                                      const Moment& moment, bool pretty,
                                                      std::string& out);
    std::vector<Piece> pieces_;
    bool pretty_ = false;
};

}  // namespace causeway::cli
