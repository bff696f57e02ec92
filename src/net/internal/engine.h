#pragma once
// A libcurl multi handle with its kept connections and its transfers at rest. One thread at a time.

#include <curl/curl.h>

#include <memory>
#include <vector>

#include "net/internal/transfer.h"

namespace linkspan::net {

struct MultiDeleter {
  void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
};

class Engine {
 public:
  explicit Engine(const ClientOptions& options);

  [[nodiscard]] CURLM* multi() const noexcept { return multi_.get(); }
  void allow_connections(std::size_t most);

  [[nodiscard]] std::unique_ptr<Transfer> take();
  void give_back(std::unique_ptr<Transfer> transfer);

 private:
  const ClientOptions& options_;
  std::unique_ptr<CURLM, MultiDeleter> multi_;
  std::vector<std::unique_ptr<Transfer>> resting_;
};

}  // namespace linkspan::net
