/* What Swift cannot import from FFmpeg's headers: function-like macros, typed constants, the variadic log callback. */
#ifndef SHOWRUNNER_CMEDIASHIMS_H
#define SHOWRUNNER_CMEDIASHIMS_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libavutil/error.h>

static inline int media_error_again(void) { return AVERROR(EAGAIN); }
static inline int media_error_end(void) { return AVERROR_EOF; }
static inline int media_error_invalid_data(void) { return AVERROR_INVALIDDATA; }
static inline int media_error_no_memory(void) { return AVERROR(ENOMEM); }
static inline int media_error_no_space(void) { return AVERROR(ENOSPC); }
static inline int media_error_quota(void) { return AVERROR(EDQUOT); }
static inline int media_error_file_too_big(void) { return AVERROR(EFBIG); }

/* "No timestamp known" in every timestamp field. */
static inline int64_t media_no_timestamp(void) { return AV_NOPTS_VALUE; }

/* The time base of AVFormatContext.duration: microseconds. */
static inline AVRational media_container_time_base(void) { return (AVRational){1, AV_TIME_BASE}; }

/* The library's text for an error number, written to `buffer`. */
static inline void media_error_text(int error, char *buffer, size_t capacity) {
    av_strerror(error, buffer, capacity);
}

/* Sends the libraries' log to memory instead of standard error, for the whole process. Idempotent, thread-safe. */
void media_log_capture(void);

/* A point in the captured log; what is written later has a higher number. */
uint64_t media_log_mark(void);

/* Copies the messages of level error or worse written after `mark`, oldest first, separated by "; ", without repeats.
   Messages of the calling thread are preferred; only when there are none, those of the other threads (a decoder's own)
   are taken. Returns the number of bytes written, without the final zero. */
size_t media_log_words(uint64_t mark, char *buffer, size_t capacity);

#endif
