// libcurl's variadic functions, one per kind of argument: Swift imports no variadic C function.
#ifndef SHOWRUNNER_CURL_SHIMS_H
#define SHOWRUNNER_CURL_SHIMS_H

#include <curl/curl.h>
#include <stddef.h>

typedef size_t (*curl_shim_data_callback)(char *_Nonnull data, size_t size, size_t count, void *_Nonnull context);
typedef int (*curl_shim_seek_callback)(void *_Nonnull context, curl_off_t offset, int origin);
typedef curl_socket_t (*curl_shim_open_socket_callback)(
    void *_Nonnull context, curlsocktype purpose, struct curl_sockaddr *_Nonnull address);

static inline CURLcode curl_shim_set_long(CURL *_Nonnull easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}
static inline CURLcode curl_shim_set_offset(CURL *_Nonnull easy, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(easy, option, value);
}
/// libcurl copies the string.
static inline CURLcode curl_shim_set_string(CURL *_Nonnull easy, CURLoption option, const char *_Nullable value) {
    return curl_easy_setopt(easy, option, value);
}
static inline CURLcode curl_shim_set_list(CURL *_Nonnull easy, CURLoption option, struct curl_slist *_Nullable value) {
    return curl_easy_setopt(easy, option, value);
}
static inline CURLcode curl_shim_set_pointer(CURL *_Nonnull easy, CURLoption option, void *_Nullable value) {
    return curl_easy_setopt(easy, option, value);
}
static inline CURLcode curl_shim_set_data_callback(
    CURL *_Nonnull easy, CURLoption option, curl_shim_data_callback _Nonnull value) {
    return curl_easy_setopt(easy, option, value);
}
static inline CURLcode curl_shim_set_seek_callback(CURL *_Nonnull easy, curl_shim_seek_callback _Nonnull value) {
    return curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, value);
}
static inline CURLcode curl_shim_set_open_socket_callback(
    CURL *_Nonnull easy, curl_shim_open_socket_callback _Nonnull value) {
    return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, value);
}

static inline long curl_shim_get_long(CURL *_Nonnull easy, CURLINFO info) {
    long value = 0;
    return curl_easy_getinfo(easy, info, &value) == CURLE_OK ? value : 0;
}
static inline curl_off_t curl_shim_get_offset(CURL *_Nonnull easy, CURLINFO info) {
    curl_off_t value = 0;
    return curl_easy_getinfo(easy, info, &value) == CURLE_OK ? value : 0;
}

static inline CURLMcode curl_shim_multi_set_long(CURLM *_Nonnull multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

/// The result of a finished transfer; the message's union does not import.
static inline CURLcode curl_shim_message_result(const CURLMsg *_Nonnull message) { return message->data.result; }

static inline CURLcode curl_shim_global_init(void) { return curl_global_init(CURL_GLOBAL_DEFAULT); }
static inline CURLcode curl_shim_unpause(CURL *_Nonnull easy) { return curl_easy_pause(easy, CURLPAUSE_CONT); }

static const size_t curl_shim_write_pause = CURL_WRITEFUNC_PAUSE;
static const size_t curl_shim_read_abort = CURL_READFUNC_ABORT;
static const size_t curl_shim_read_pause = CURL_READFUNC_PAUSE;

#endif
