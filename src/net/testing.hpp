#pragma once
// For this room's tests: they use real sockets, real clocks and real peers.
#include "net/trouble.hpp"

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <unistd.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace causeway::net::testing {

/// Turns the loop until `done`, for ten seconds at most; whether it came to be.
template <class Done>
bool turn_until(boost::asio::io_context& io, Done done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        io.restart();
        io.run_one_for(std::chrono::milliseconds(50));
    }
    return true;
}

/// What a shell command prints; its status is told by "exit N" at the end when it is not zero.
inline std::string output_of(const std::string& command) {
    std::FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) return "cannot start: " + command;
    std::string text;
    std::array<char, 4096> buffer;
    while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe))
        text.append(buffer.data(), n);
    const int status = ::pclose(pipe);
    if (status != 0) text += "exit " + std::to_string(WEXITSTATUS(status));
    return text;
}

/// Runs `body` on a thread whose network is a new and empty one.
template <class Body>
void in_new_network(Body body) {
    std::thread([&] {
        if (::unshare(CLONE_NEWNET) != 0) {
            const int error = errno;
            FAIL() << "cannot make a network namespace (" << reason_of(error)
                   << "): this test takes CAP_SYS_ADMIN and CAP_NET_ADMIN; run it as root";
        }
        body();
    }).join();
}

/// A folder that goes when the test does.
class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "causeway-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) std::abort();
        path_ = name;
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] std::string operator/(const std::string& file) const {
        return (path_ / file).string();
    }

private:
    std::filesystem::path path_;
};

}  // namespace causeway::net::testing
