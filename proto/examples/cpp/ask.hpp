//  ask.hpp - what the three programs share: requests to a bridge.

#define MSGPACK_NO_BOOST
#include <chrono>
#include <cstdint>
#include <iostream>
#include <map>
#include <msgpack.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <zmq.hpp>

//  Every request is answered in that time and its wait_ms, or its bridge is gone.
constexpr int PATIENCE_MS = 5000;

using Map = std::map<std::string, msgpack::object>;

inline msgpack::object_handle unpacked (const zmq::message_t &frame)
{
    return msgpack::unpack (frame.data<char> (), frame.size ());
}

//  A reply: `map` points into `frame`, and lives as long.
struct Reply {
    msgpack::object_handle frame;
    Map map;

    template <typename T> T get (const std::string &key) const
    {
        return map.at (key).as<T> ();
    }
};

class Bridge
{
  public:
    Bridge (zmq::context_t &context, const std::string &router) : dealer (context, ZMQ_DEALER)
    {
        dealer.connect (router);
    }

    //  Asks until it is answered well: the bridge may be gone for a while, or its Redis.
    Reply ask (Map request, int wait_ms = 0)
    {
        for (;;) {
            msgpack::sbuffer buffer;
            request["seq"] = msgpack::object (++seq);
            msgpack::pack (buffer, request);
            dealer.send (zmq::buffer (buffer.data (), buffer.size ()), zmq::send_flags::none);
            dealer.set (zmq::sockopt::rcvtimeo, PATIENCE_MS + wait_ms);
            for (zmq::message_t frame; dealer.recv (frame);) {
                Reply reply{unpacked (frame), {}};
                reply.map = reply.frame->as<Map> ();
                if (reply.map["seq"].is_nil () || reply.get<uint64_t> ("seq") != seq) {
                    continue;  // to an earlier try
                }
                if (reply.get<bool> ("ok")) {
                    return reply;
                }
                if (reply.map.count ("retry_ms") == 0) {
                    throw std::runtime_error (reply.get<std::string> ("message"));
                }
                std::this_thread::sleep_for (std::chrono::milliseconds (reply.get<int> ("retry_ms")));
                break;
            }
        }
    }

  private:
    zmq::socket_t dealer;
    uint64_t seq = 0;
};

//  A value for a request; what it points to lives in `zone`.
template <typename T> msgpack::object value (msgpack::zone &zone, const T &from)
{
    return msgpack::object (from, zone);
}
