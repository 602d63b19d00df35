#include "ip/address.hpp"
