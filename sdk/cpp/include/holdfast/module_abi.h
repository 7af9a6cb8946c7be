/// The boundary between Holdfast and functions that run inside its process: a shared library (a *module*), or functions
/// linked into the program. Plain C, so that the two sides need not share a compiler, a standard library or an allocator.
///
/// People write functions with the C++ SDK, which implements this boundary for them (`holdfast/sdk/module.h`); this header is for the SDK
/// itself and for SDKs of other languages.
///
/// A module exports one function, `holdfast_module`, which returns its descriptor. What crosses the boundary afterwards are the bytes of
/// StateFun request-reply v3: a `ToFunction` in, a `FromFunction` out, exactly what a function behind HTTP gets and answers.
///
/// Rules that hold everywhere:
///   - Memory belongs to the side that made it. What is handed over is borrowed until the call returns; nothing is freed by the other.
///   - No exception (nor longjmp) crosses. A function that throws answers with `fail`.
///   - Text is UTF-8. A size is in bytes; a text with a size need not end with NUL, one without a size does.
///
/// Versions: a host takes modules of its own major version, whatever the minor. A minor version adds members at the end of structs;
/// each struct says how large it is, and members beyond that size are not there. Older members never change.
#ifndef HOLDFAST_MODULE_ABI_H
#define HOLDFAST_MODULE_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HOLDFAST_ABI_MAJOR 1u
#define HOLDFAST_ABI_MINOR 0u

/// The name of the one symbol a module exports, of type `holdfast_module_entry`. It is the same in every version: a module made for
/// another one must be told from a file that is no module.
#define HOLDFAST_MODULE_SYMBOL "holdfast_module"

/// A call that waits for its answer. A plain value: copy it, keep it, hand it to another thread. It stays harmless after the answer: a
/// second one, and one that comes after the host has given the call up, is dropped.
typedef struct holdfast_call {
  void* owner;  ///< The host's own business,
  uint64_t id;  ///< and this.
} holdfast_call;

/// What the host offers to an instance; valid from `create` to the end of `destroy`.
typedef struct holdfast_host {
  size_t struct_size;  ///< Bytes of it that are there.
  uint32_t abi_major;  ///< HOLDFAST_ABI_MAJOR of the header the host was compiled with,
  uint32_t abi_minor;  ///< and HOLDFAST_ABI_MINOR.
  /// The host's own version, for people.
  const char* version;

  /// Answers a call with the bytes of a FromFunction; no bytes at all are an answer without effects. Borrowed until it returns. From
  /// any thread, from within `invoke` or after it. Returns 1 if the answer was taken, 0 if nobody waits for it (any more).
  int (*answer)(holdfast_call call, const void* bytes, size_t size);

  /// Answers a call with a failure: the batch is tried again as the endpoint's policy says, and the reason is shown to people (`holdfast
  /// parked`). Otherwise as `answer`.
  int (*fail)(holdfast_call call, const char* reason, size_t size);
} holdfast_host;

/// One batch of messages for one address. All of it is borrowed until `invoke` returns: a function that answers later copies
/// what it still needs.
typedef struct holdfast_request {
  size_t struct_size;  ///< Bytes of it that are there.
  holdfast_call call;  ///< What it is answered by.
  /// A ToFunction.
  const void* bytes;
  size_t size;  ///< Of it.
  /// The W3C trace context of the first message that carries one; often empty.
  const char* traceparent;
  size_t traceparent_size;  ///< Of it.
  /// Whose address it is: an index into the descriptor's functions.
  size_t function;
} holdfast_request;

/// How a function runs if configuration does not say otherwise.
enum {
  /// On the thread of the shard that owns the address. Other addresses of the shard wait until `invoke` returns, and the host cannot take
  /// the thread back: for functions that compute for microseconds and never block.
  HOLDFAST_QUICK = 0,
  /// On a pool of threads, where `invoke` may block and take its time.
  HOLDFAST_BLOCKING = 1
};

/// One function of a module.
typedef struct holdfast_function {
  /// "namespace/name".
  const char* type;
  /// HOLDFAST_QUICK or HOLDFAST_BLOCKING.
  uint32_t execution;
  uint32_t reserved;  ///< 0.
} holdfast_function;

/// What a module is. It and all it points to stays valid as long as the module is loaded.
typedef struct holdfast_module_descriptor {
  // These three have this place in every version, also of the major one.
  size_t struct_size;  ///< Bytes of it that are there.
  uint32_t abi_major;  ///< HOLDFAST_ABI_MAJOR of the header it was compiled with,
  uint32_t abi_minor;  ///< and HOLDFAST_ABI_MINOR.

  /// For people: what made it ("holdfast-sdk-cpp 0.1.0"), and of what it was made ("gcc 12.2, release, 4f2a1c").
  const char* sdk;
  const char* build;  ///< Of what it was made.

  const holdfast_function* functions;  ///< Which it has, at least one.
  size_t function_count;               ///< How many.
  /// sizeof(holdfast_function), the distance from one to the next.
  size_t function_size;

  /// Makes an instance, which carries what the functions share. NULL: it could not, and `error` holds why, ended by NUL. One
  /// instance serves all shards. May block; nothing is called before it returns.
  void* (*create)(const holdfast_host* host, char* error, size_t error_size);

  /// Runs a function. Called from several threads at once, for different addresses. Each call is answered exactly once, by `answer` or
  /// `fail`, now or later; one that is not is given up after the endpoint's call timeout and its batch is tried again.
  void (*invoke)(void* instance, const holdfast_request* request);

  /// No more calls will come: those under way are to be answered, threads to be ended. Calls of `invoke` may still be running. May be
  /// NULL; called once, returns soon.
  void (*stop)(void* instance);

  /// Frees the instance. After `stop`, when every call has been answered, given up ones too, and no `invoke` is running (an instance that
  /// keeps a call for ever is never destroyed). What is left of it, threads above all, must be gone when it returns. May be NULL.
  void (*destroy)(void* instance);

  /// Why the module cannot say which functions it has, ended by NUL; there are none then. NULL otherwise.
  const char* failure;
} holdfast_module_descriptor;

typedef const holdfast_module_descriptor* (*holdfast_module_entry)(void);

#if defined(__GNUC__)
#define HOLDFAST_MODULE_EXPORT __attribute__((visibility("default")))
#else
#define HOLDFAST_MODULE_EXPORT
#endif

#ifdef HOLDFAST_BUILDING_MODULE
HOLDFAST_MODULE_EXPORT const holdfast_module_descriptor* holdfast_module(void);
#endif

#ifdef __cplusplus
}
#endif

#endif
