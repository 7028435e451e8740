// What the HTTP room uses of libcurl (7.85 or later).
#include <curl/curl.h>
