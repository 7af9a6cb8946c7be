// Part 5, functions that complete later. showcase/quote asks somebody slow for a price and answers when it comes.
//
// An asynchronous function takes a Completion and returns at once; its thread goes on with other addresses. Until complete(), or fail(), its
// own address waits. Context and message stay valid until then, also on another thread.
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <queue>
#include <thread>

#include "functions.h"

namespace showcase {
namespace {

using namespace std::chrono_literals;

constexpr sf::State<std::int64_t> kAsked{"asked"};

// Stands for the client of a slow service: answers from a thread of its own, 20 ms later.
class PriceService {
 public:
  using Callback = std::function<void(double price)>;

  PriceService() : thread_([this] { run(); }) {}
  ~PriceService() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  PriceService(const PriceService&) = delete;
  PriceService& operator=(const PriceService&) = delete;

  void fetch(std::string item, Callback callback) {
    {
      const std::lock_guard lock(mutex_);
      waiting_.push({std::chrono::steady_clock::now() + 20ms, std::move(item), std::move(callback)});
    }
    changed_.notify_one();
  }

 private:
  struct Question {
    std::chrono::steady_clock::time_point due;
    std::string item;
    Callback callback;
  };

  void run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      if (waiting_.empty()) {
        changed_.wait(lock);
      } else if (std::chrono::steady_clock::now() < waiting_.front().due) {
        changed_.wait_until(lock, waiting_.front().due);
      } else {
        const Question question = std::move(waiting_.front());
        waiting_.pop();
        lock.unlock();
        question.callback(question.item == "moon" ? -1 : 0.25 * static_cast<double>(question.item.size()));
        lock.lock();
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::queue<Question> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace

void bind_async(sf::Functions& functions) {
  // What functions share belongs to the functions: it ends when they do.
  const auto prices = std::make_shared<PriceService>();
  functions.bind({"showcase/quote", {kAsked}, [prices](sf::Context& ctx, const sf::Message& message, sf::Completion done) {
                    prices->fetch(message.as<std::string>(), [&ctx, done](double price) mutable {
                      if (price < 0) return done.fail("there is no price for it");  // The call fails, as by an exception.
                      const auto asked = ctx.storage()[kAsked] += 1;
                      ctx.reply("price " + std::to_string(price) + ", asked " + std::to_string(asked) + " times");
                      done.complete();
                    });
                  }});
}

}  // namespace showcase
