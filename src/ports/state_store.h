// StateStore: the view, an ordered map of byte strings behind the log. It may forget what was applied since its last checkpoint, from any point
// on (the log still has it): it then reports the position of the last apply() that is there as a whole, and may have the first of the writes of the
// next one. Whoever applies everything behind that position again, in order, has all.
//
// get() and scan() may be called from any thread, apply() and checkpoint() from one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/rows.h"

namespace holdfast::ports {

struct StoreWrite {
  std::string_view key;
  std::optional<std::string_view> value;  // None: the key goes away.
};

// Walks keys in byte order over a snapshot taken when it was made.
class StoreCursor {
 public:
  virtual ~StoreCursor() = default;
  [[nodiscard]] virtual bool valid() const = 0;
  [[nodiscard]] virtual std::string_view key() const = 0;    // Until the next call of next().
  [[nodiscard]] virtual std::string_view value() const = 0;
  virtual void next() = 0;
  // After valid() has become false: whether that was the end, or an error.
  [[nodiscard]] virtual Result<void> status() const = 0;
};

class StateStore {
 public:
  virtual ~StateStore() = default;

  [[nodiscard]] virtual Result<std::optional<std::string>> get(std::string_view key) const = 0;
  // Keys in [from, to); an empty `to` means: to the end.
  [[nodiscard]] virtual std::unique_ptr<StoreCursor> scan(std::string_view from, std::string_view to) const = 0;

  // Applies the writes, later ones over earlier ones, and notes that the view has reached `epoch`, which is true only once all are there. After an
  // error some may be there: they are to be applied again.
  [[nodiscard]] virtual Result<void> apply(std::span<const StoreWrite> writes, model::Epoch epoch) = 0;
  // Makes all that was applied durable; returns the epoch it has reached.
  [[nodiscard]] virtual Result<model::Epoch> checkpoint() = 0;
  // The epoch the view has reached: right after opening, that of the last checkpoint.
  [[nodiscard]] virtual model::Epoch reached() const = 0;
};

}  // namespace holdfast::ports
