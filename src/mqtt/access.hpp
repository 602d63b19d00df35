#pragma once
// Who may do what: an access control list in the syntax that mosquitto made common.
//
//     # for anonymous clients            topic read  public/#
//     user alice                          topic readwrite home/alice/#
//                                         topic deny  home/alice/secret
//     # for everybody; %u user name, %c client id
//                                         pattern write  devices/%c/up
//
// Access is read (a delivery), write (a publish) or subscribe (read access decides it, too).
// Without any list everything is allowed; with one, what no line allows is refused; a deny
// line beats all others. As in mosquitto, `topic` lines before the first `user` line are for
// clients without a user name, and for no others; an access type may be left out unless the topic
// has a blank; a wildcard in front matches no topic that begins with `$`.
//
// Deviates: from mosquitto.
//   - A subscription that could bring nothing is refused (mosquitto grants all of them).
//   - A list without a line refuses everything (there: allows everything).
//   - `pattern deny` beats `topic` lines, too, and `$share/` and a lone access type are mistakes.
//   - A client whose name cannot fill a pattern loses the patterns that need it, not all of them;
//     a deny pattern then holds for every name in its place.
//   - A name that begins with `$` does not fill the first level: no client names itself `$SYS`.
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace causeway::mqtt {

enum class Access : std::uint8_t { read, write, subscribe };

struct AccessMistake {
    std::size_t line;    // from 1
    std::size_t column;  // characters, from 1
    std::string what;    // what is wrong, what is allowed
    friend bool operator==(const AccessMistake&, const AccessMistake&) = default;
};

class AccessRules {
public:
    /// Allows everything.
    AccessRules() = default;
    /// All mistakes at once.
    [[nodiscard]] static std::expected<AccessRules, std::vector<AccessMistake>> parse(
        std::string_view file);

    /// `topic` is a name to read or write, a filter to subscribe. A filter is allowed when some
    /// rule allows all that it can match, or when it may match allowed topics (then each delivery
    /// is asked for): refused only when no rule could ever let a matching message through.
    /// A user name or client id with a wildcard or a slash never fills a pattern.
    [[nodiscard]] bool allows(std::string_view user, std::string_view client_id, Access access,
                              std::string_view topic) const;
    [[nodiscard]] bool empty() const noexcept { return !listed_; }  // the hot path need not ask

    friend bool operator==(const AccessRules&, const AccessRules&) = default;

private:
    struct Rule {
        std::string filter;
        bool read, write, deny;
        bool operator==(const Rule&) const = default;
    };
    struct Holder {
        std::string user;
        std::vector<Rule> rules;
        bool operator==(const Holder&) const = default;
    };
    struct Names;  // of a client, for patterns
    struct Parser;

    [[nodiscard]] bool allows_name(const std::vector<Rule>& own, const Names& names, bool writing,
                                   std::string_view topic) const;
    [[nodiscard]] bool allows_filter(const std::vector<Rule>& own, const Names& names,
                                     std::string_view filter) const;

    bool listed_ = false;  // there is a list
    std::vector<Rule> anonymous_;
    std::vector<Holder> users_;  // sorted by name
    std::vector<Rule> patterns_;
};

}  // namespace causeway::mqtt
