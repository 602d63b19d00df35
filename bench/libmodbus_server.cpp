// libmodbus's own server, as its manual has it: one thread, select(), a receive and a reply for
// each request. The peer of bench/scada.py.
#include <modbus.h>

#include <sys/select.h>
#include <unistd.h>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

int serve(modbus_t* context, modbus_mapping_t* image) {
    const int listener = modbus_tcp_listen(context, 64);
    if (listener < 0) return 1;
    std::puts("listening");
    std::fflush(stdout);
    fd_set known;
    FD_ZERO(&known);
    FD_SET(listener, &known);
    int highest = listener;
    for (;;) {
        fd_set ready = known;
        if (select(highest + 1, &ready, nullptr, nullptr, nullptr) < 0) return 1;
        for (int fd = 0; fd <= highest; ++fd) {
            if (!FD_ISSET(fd, &ready)) continue;
            if (fd == listener) {
                int at = listener;
                const int fresh = modbus_tcp_accept(context, &at);
                if (fresh < 0) continue;
                FD_SET(fresh, &known);
                highest = std::max(highest, fresh);
                continue;
            }
            std::uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
            modbus_set_socket(context, fd);
            const int octets = modbus_receive(context, request);
            if (octets > 0) {
                modbus_reply(context, request, octets, image);
            } else if (octets < 0) {
                close(fd);
                FD_CLR(fd, &known);
            }
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return std::fputs("usage: bench_libmodbus_server PORT\n", stderr), 2;
    modbus_t* const context = modbus_new_tcp("127.0.0.1", std::atoi(argv[1]));
    modbus_mapping_t* const image = modbus_mapping_new(128, 128, 128, 128);
    if (context == nullptr || image == nullptr) return 1;
    return serve(context, image);
}
