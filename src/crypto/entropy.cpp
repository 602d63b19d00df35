#include "crypto/entropy.hpp"

#include <openssl/rand.h>

namespace causeway::crypto {

bool system_random(MutableBytes out) {
    // RAND_bytes counts in int; nobody asks for that much at once.
    if (out.size() > 65536) return false;
    return RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size())) ==
           1;
}

}  // namespace causeway::crypto
