// What a start and the state machine rely on, checked over all rows of a partition as a recovery would see them: view and log together.
// Reads only. Memory is bounded by the number of the partition's streams, whatever else there is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/rows.h"
#include "runtime/row_layers.h"

namespace holdfast::runtime {

class RowFaults {
 public:
  static constexpr std::size_t kShownMax = 100;
  void add(std::string what) {
    if (++count_ <= kShownMax) shown_.push_back(std::move(what));
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] const std::vector<std::string>& shown() const { return shown_; }  // The first ones.

 private:
  std::vector<std::string> shown_;
  std::uint64_t count_ = 0;
};

// `partitions`: how many the directory has; `last`: the newest epoch.
void check_partition(const RowLayers& rows, model::PartitionId partition, std::uint16_t partitions, model::Epoch last, RowFaults& faults);

}  // namespace holdfast::runtime
