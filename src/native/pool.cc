#include "native/pool.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace holdfast::native {
namespace {

constexpr std::size_t kSpareJobs = 64;
constexpr std::size_t kSweepMin = 1024;
constexpr std::size_t kSpareRequestBytes = 64u << 10;

}  // namespace

Pool::Pool(std::size_t threads_max) : threads_max_(threads_max), sweep_at_(kSweepMin) {}

Pool::~Pool() {
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

std::unique_ptr<Pool::Job> Pool::make_job() {
  std::unique_lock lock(mutex_);
  if (spare_.empty()) return std::make_unique<Job>();
  auto job = std::move(spare_.back());
  spare_.pop_back();
  return job;
}

void Pool::run(std::unique_ptr<Job> job) {
  std::vector<std::unique_ptr<Job>> unwanted;  // What they hold may end with them: not under the lock.
  std::unique_lock lock(mutex_);
  if (jobs_.size() >= sweep_at_) {
    const auto wanted = std::ranges::stable_partition(jobs_, [](const auto& j) { return j->calls->is_queued(j->call); });
    std::ranges::move(wanted, std::back_inserter(unwanted));
    jobs_.erase(wanted.begin(), wanted.end());
    sweep_at_ = std::max(kSweepMin, jobs_.size() * 2);
  }
  jobs_.push_back(std::move(job));
  if (jobs_.size() > idle_ && threads_.size() < threads_max_) {
    threads_.emplace_back([this] { work(); });
    ::pthread_setname_np(threads_.back().native_handle(), "functions");
  } else {
    wake_.notify_one();
  }
}

void Pool::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    --idle_;
    if (stopping_) return;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    if (job->calls->start(job->call)) {
      holdfast_request request{};
      request.call = job->call;
      request.bytes = job->request.data();
      request.size = job->request.size();
      request.traceparent = job->traceparent.data();
      request.traceparent_size = job->traceparent.size();
      job->admission->invoke(*job->function, request);
    }
    job->admission.reset();
    job->calls.reset();
    lock.lock();
    if (spare_.size() < kSpareJobs && job->request.capacity() <= kSpareRequestBytes) spare_.push_back(std::move(job));
  }
}

std::uint64_t Pool::waiting() const {
  std::unique_lock lock(mutex_);
  return jobs_.size();
}

std::uint64_t Pool::running() const {
  std::unique_lock lock(mutex_);
  return threads_.size() - idle_;
}

}  // namespace holdfast::native
