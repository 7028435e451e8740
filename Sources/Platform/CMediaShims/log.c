#include "CMediaShims.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* The last messages, in a ring: enough for a cause, bounded whatever a hostile file makes the libraries say. */
enum { entry_count = 64, entry_size = 240, words_at_most = 3 };

struct entry {
    uint64_t number;
    pthread_t thread;
    char text[entry_size];
};

static struct entry ring[entry_count];
static uint64_t last_number;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void capture(void *context, int level, const char *format, va_list arguments) {
    (void)context;
    if (level < 0 || level > AV_LOG_ERROR)
        return;
    char text[entry_size];
    int length = vsnprintf(text, sizeof text, format, arguments);
    if (length <= 0)
        return;
    if (length >= (int)sizeof text)
        length = (int)sizeof text - 1;
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == ' ' || text[length - 1] == '.'))
        text[--length] = 0;
    /* Causes are one printable line, whatever bytes of the file the message quotes. */
    for (int i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] >= 0x7F)
            text[i] = '?';
    if (length == 0)
        return;
    pthread_mutex_lock(&lock);
    struct entry *entry = &ring[++last_number % entry_count];
    entry->number = last_number;
    entry->thread = pthread_self();
    memcpy(entry->text, text, (size_t)length + 1);
    pthread_mutex_unlock(&lock);
}

static void install(void) {
    av_log_set_level(AV_LOG_ERROR);
    av_log_set_callback(capture);
}

void media_log_capture(void) { pthread_once(&once, install); }

uint64_t media_log_mark(void) {
    pthread_mutex_lock(&lock);
    uint64_t mark = last_number;
    pthread_mutex_unlock(&lock);
    return mark;
}

static size_t collect(uint64_t mark, int own, char *buffer, size_t capacity) {
    const char *chosen[words_at_most];
    int count = 0;
    uint64_t oldest = last_number > entry_count ? last_number - entry_count : 0;
    /* Newest first, until enough. */
    for (uint64_t number = last_number; number > mark && number > oldest && count < words_at_most; number--) {
        struct entry *entry = &ring[number % entry_count];
        if (own && !pthread_equal(entry->thread, pthread_self()))
            continue;
        int repeated = 0;
        for (int i = 0; i < count; i++)
            repeated |= strcmp(chosen[i], entry->text) == 0;
        if (!repeated)
            chosen[count++] = entry->text;
    }
    size_t length = 0;
    for (int i = count - 1; i >= 0 && length < capacity; i--) {
        int written = snprintf(buffer + length, capacity - length, "%s%s", length ? "; " : "", chosen[i]);
        if (written < 0)
            break;
        length += (size_t)written;
    }
    return length < capacity ? length : capacity - 1;
}

size_t media_log_words(uint64_t mark, char *buffer, size_t capacity) {
    if (capacity == 0)
        return 0;
    buffer[0] = 0;
    pthread_mutex_lock(&lock);
    size_t length = collect(mark, 1, buffer, capacity);
    if (length == 0)
        length = collect(mark, 0, buffer, capacity);
    pthread_mutex_unlock(&lock);
    return length;
}
