#pragma once
// Small states by name, such as sequence numbers of security contexts: durable when put() returns.
// For what is written rarely; who writes often has a journal. One thread at a time.
#include "store/sqlite.hpp"

#include <map>
#include <optional>
#include <string>

namespace causeway::store {

class KeptStates {
public:
    /// `folder`/states.db, made if need be. Locked as long as it is open: two processes with the
    /// same sequence numbers would be worse than one that does not start.
    [[nodiscard]] static Opened<KeptStates> open(const std::string& folder);

    /// As it was put, or nothing.
    [[nodiscard]] const Octets* find(const std::string& name) const;
    [[nodiscard]] std::optional<Trouble> put(const std::string& name, Bytes state);

private:
    KeptStates(Sqlite database, Statement put) noexcept
        : database_(std::move(database)), put_(std::move(put)) {}

    Sqlite database_;
    Statement put_;
    std::map<std::string, Octets> states_;
};

}  // namespace causeway::store
