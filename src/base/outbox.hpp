#pragma once
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace causeway {

/// What an engine wants done, first in, first out, until its host polls it. The storage is kept
/// from one drain to the next, so a busy engine stops allocating. It needs no limit of its own:
/// the host drains it after every call, and one call makes a bounded number of outputs.
template <class Output>
class Outbox {
public:
    void push(Output out) { items_.push_back(std::move(out)); }

    [[nodiscard]] std::optional<Output> poll() {
        if (next_ == items_.size()) return std::nullopt;
        std::optional<Output> out(std::move(items_[next_++]));
        if (next_ == items_.size()) {
            items_.clear();
            next_ = 0;
        }
        return out;
    }

    [[nodiscard]] bool empty() const noexcept { return next_ == items_.size(); }
    [[nodiscard]] std::size_t size() const noexcept { return items_.size() - next_; }

private:
    std::vector<Output> items_;
    std::size_t next_ = 0;
};

}  // namespace causeway
