#pragma once
// Asio's event loop by name only, so that opening a socket does not cost a reader all of Asio.
//
// Everything in this room belongs to the one thread that runs its io_context: no call may come from
// another, none is locked.

namespace boost::asio {
class io_context;
}

namespace causeway::net {
using Io = boost::asio::io_context;
}
