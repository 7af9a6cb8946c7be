// What RocksDB opens files with: where descriptors or memory are short, it waits for them instead of failing. RocksDB takes a file that it
// cannot open for the end of the view, and shortage passes.
#pragma once

#include <memory>

namespace rocksdb {
class Env;
}

namespace holdfast::storage {

// As rocksdb::Env::Default(). Whoever opens a store with it keeps it for as long as the store.
[[nodiscard]] std::unique_ptr<rocksdb::Env> patient_env();

}  // namespace holdfast::storage
