//  ask.hpp - what the three programs share: requests to a bridge. Needs cppzmq-dev and nlohmann-json3-dev.

#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <zmq.hpp>

using nlohmann::json;  // which speaks msgpack

constexpr int WAIT_MS = 2000,
              PATIENCE_MS = 5000 + WAIT_MS;  // a request is answered in that time, or its bridge is gone

inline json unpacked (const zmq::message_t &frame)
{
    return json::from_msgpack (frame.data<char> (), frame.data<char> () + frame.size ());
}

class Bridge
{
  public:
    Bridge (zmq::context_t &context, const std::string &router) : dealer (context, ZMQ_DEALER)
    {
        dealer.set (zmq::sockopt::heartbeat_ivl, PATIENCE_MS);  // finds connections that died without a word
        dealer.connect (router);
    }

    //  Asks until it is answered well: the bridge may be gone for a while, or its Redis.
    json ask (json request)
    {
        dealer.set (zmq::sockopt::rcvtimeo, PATIENCE_MS + request.value ("wait_ms", 0));
        for (;;) {
            request["seq"] = ++seq;
            dealer.send (zmq::buffer (json::to_msgpack (request)), zmq::send_flags::none);
            for (zmq::message_t frame; dealer.recv (frame);) {
                json reply = unpacked (frame);
                if (reply["seq"] != seq) {
                    continue;  // to an earlier try
                }
                if (reply["ok"]) {
                    return reply;
                }
                if (!reply.contains ("retry_ms")) {
                    throw std::runtime_error (reply["message"]);
                }
                std::this_thread::sleep_for (std::chrono::milliseconds (reply["retry_ms"]));
                break;
            }
        }
    }

  private:
    zmq::socket_t dealer;
    uint64_t seq = 0;
};
