/*
 * Stands between a server and its disk (LD_PRELOAD). It changes nothing of the server: calls of the
 * C library are passed on, and below one folder it
 *
 *   - notes in a journal what each write replaced and which writes a sync made durable, so that the
 *     harness can undo, after SIGKILL, whatever a loss of power would have taken (crash-disk.ts);
 *   - fails, slows and hangs calls as a page of shared memory says (disk-control.ts).
 *
 * Environment: JEPSEN_LITE_DISK_ROOT the folder, _JOURNAL and _CONTROL the two files, _BOOT a file
 * that is read in place of the machine's boot id.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#undef fwrite_unlocked
#undef fflush_unlocked

/* Words of the shared page; disk-control.ts has the same list. The first eight are orders. */
enum {
  NO_SPACE = 0,      /* while 1, writes fail with ENOSPC */
  FAIL_WRITE_IN = 1, /* n: the n-th write from now fails with EIO */
  FAIL_SYNC_IN = 2,  /* n: the n-th sync from now fails with EIO; what it should have synced is not durable */
  SYNC_DELAY_MS = 3, /* every sync waits so long first */
  HANG_SYNC = 4,     /* while 1, syncs do not return */
  WRITES = 8,
  SYNCS = 9,
  FAILED_WRITES = 10,
  FAILED_SYNCS = 11,
  SLOWED_SYNCS = 12,
  HUNG_SYNCS = 13,
  SYNC_MICROS = 14, /* spent in syncs, delays included; wraps */
  WORDS = 1024
};

/* Kinds of journal records; crash-disk.ts reads them. */
enum { WROTE = 1, SYNCED = 2, GONE = 3 };

struct record {
  uint32_t kind;
  uint32_t spare;
  uint64_t sequence; /* of a write; of a sync: the newest write that it made durable */
  uint64_t inode;
  uint64_t offset; /* of a write */
  uint64_t length; /* of a write */
  uint64_t size;   /* of the file: before a write, at the beginning of a sync */
  uint64_t saved;  /* so many replaced bytes follow */
};

static volatile uint32_t idle[WORDS];
static volatile uint32_t *control = idle;
static char root[4096], boot[4096];
static size_t root_length;
static int journal = -1;
static uint64_t sequence;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name)                                                                                 \
  static __typeof__(name) *real;                                                                   \
  if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static ssize_t real_pwrite(int fd, const void *bytes, size_t length, off_t at) {
  REAL(pwrite);
  return real(fd, bytes, length, at);
}

static ssize_t real_write(int fd, const void *bytes, size_t length) {
  REAL(write);
  return real(fd, bytes, length);
}

static int real_open(const char *path, int flags, mode_t mode) {
  REAL(open);
  return real(path, flags, mode);
}

__attribute__((constructor)) static void begin(void) {
  const char *folder = getenv("JEPSEN_LITE_DISK_ROOT");
  const char *notes = getenv("JEPSEN_LITE_DISK_JOURNAL");
  const char *orders = getenv("JEPSEN_LITE_DISK_CONTROL");
  const char *life = getenv("JEPSEN_LITE_DISK_BOOT");
  if (!folder || !notes || !orders) return;
  snprintf(boot, sizeof boot, "%s", life ? life : "");
  int page = real_open(orders, O_RDWR | O_CLOEXEC, 0);
  if (page < 0) return;
  void *map = mmap(NULL, WORDS * 4, PROT_READ | PROT_WRITE, MAP_SHARED, page, 0);
  close(page);
  if (map == MAP_FAILED) return;
  journal = real_open(notes, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  struct stat about;
  if (journal < 0 || fstat(journal, &about) != 0) return;
  /* Above all of the lives before this one: a record has more than one byte. */
  sequence = (uint64_t)about.st_size;
  control = map;
  snprintf(root, sizeof root, "%s", folder);
  root_length = strlen(root);
}

static void count(int word) { __atomic_fetch_add(&control[word], 1, __ATOMIC_SEQ_CST); }

/* True for the call that brings the countdown to its end. */
static int due(int word) {
  uint32_t left = __atomic_load_n(&control[word], __ATOMIC_SEQ_CST);
  while (left > 0)
    if (__atomic_compare_exchange_n(&control[word], &left, left - 1, 0, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST))
      return left == 1;
  return 0;
}

static int is_below(const char *path) {
  return root_length > 0 && strncmp(path, root, root_length) == 0 && path[root_length] == '/';
}

/* Whether the descriptor is a file below the folder; fills `about`. */
static int is_ours(int fd, struct stat *about) {
  if (journal < 0 || fd == journal || fstat(fd, about) != 0 || !S_ISREG(about->st_mode)) return 0;
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return is_below(path);
}

static void note(const struct record *record, const void *saved) {
  struct iovec parts[2] = {{(void *)record, sizeof *record}, {(void *)saved, record->saved}};
  REAL(writev);
  /* A journal with a hole would make a liar of the harness: better no server at all. */
  if (real(journal, parts, record->saved ? 2 : 1) != (ssize_t)(sizeof *record + record->saved))
    abort();
}

/* Before a write: what will be replaced. Called with the lock held. */
static void note_write(int fd, const struct stat *about, uint64_t at, uint64_t length) {
  uint64_t size = (uint64_t)about->st_size;
  uint64_t saved = at >= size ? 0 : (at + length > size ? size - at : length);
  char *old = saved ? malloc(saved) : NULL;
  if (saved) {
    /* The descriptor may be for writing only. */
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int again = real_open(link, O_RDONLY | O_CLOEXEC, 0);
    ssize_t got = again < 0 ? -1 : pread(again, old, saved, (off_t)at);
    if (again >= 0) close(again);
    if (got < 0) abort();
    saved = (uint64_t)got;
  }
  struct record record = {WROTE, 0, ++sequence, about->st_ino, at, length, size, saved};
  note(&record, old);
  free(old);
}

/* What the orders say about a write: 0 go on, otherwise the errno. */
static int refusal(void) {
  count(WRITES);
  int error = 0;
  if (due(FAIL_WRITE_IN)) error = EIO;
  else if (control[NO_SPACE]) error = ENOSPC;
  if (error) count(FAILED_WRITES);
  return error;
}

static int before_write(int fd, int64_t at, uint64_t length) {
  struct stat about;
  if (!is_ours(fd, &about)) return 0;
  int error = refusal();
  if (error) {
    errno = error;
    return -1;
  }
  pthread_mutex_lock(&lock);
  if (at < 0)
    at = fcntl(fd, F_GETFL) & O_APPEND ? (int64_t)about.st_size : (int64_t)lseek(fd, 0, SEEK_CUR);
  note_write(fd, &about, (uint64_t)at, length);
  pthread_mutex_unlock(&lock);
  return 0;
}

static uint64_t total(const struct iovec *parts, int n) {
  uint64_t sum = 0;
  for (int i = 0; i < n; i++) sum += parts[i].iov_len;
  return sum;
}

ssize_t write(int fd, const void *bytes, size_t length) {
  if (before_write(fd, -1, length)) return -1;
  return real_write(fd, bytes, length);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
  if (before_write(fd, at, length)) return -1;
  return real_pwrite(fd, bytes, length, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
  return pwrite(fd, bytes, length, at);
}

ssize_t writev(int fd, const struct iovec *parts, int n) {
  REAL(writev);
  if (before_write(fd, -1, total(parts, n))) return -1;
  return real(fd, parts, n);
}

ssize_t pwritev(int fd, const struct iovec *parts, int n, off_t at) {
  REAL(pwritev);
  if (before_write(fd, at, total(parts, n))) return -1;
  return real(fd, parts, n, at);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int n, off64_t at) {
  return pwritev(fd, parts, n, at);
}

/*
 * LevelDB writes through the C library's streams, whose own writes cannot be seen from here. Their
 * files only grow, so the length at each sync says all: see SYNCED.
 */
size_t fwrite_unlocked(const void *bytes, size_t size, size_t n, FILE *stream) {
  REAL(fwrite_unlocked);
  struct stat about;
  if ((control[NO_SPACE] || control[FAIL_WRITE_IN]) && is_ours(fileno(stream), &about)) {
    int error = refusal();
    if (error) {
      errno = error;
      return 0;
    }
  }
  return real(bytes, size, n, stream);
}

int fflush_unlocked(FILE *stream) {
  REAL(fflush_unlocked);
  struct stat about;
  if (stream && (control[NO_SPACE] || control[FAIL_WRITE_IN]) && is_ours(fileno(stream), &about)) {
    int error = refusal();
    if (error) {
      errno = error;
      return EOF;
    }
  }
  return real(stream);
}

static void pause_ms(uint32_t ms) {
  struct timespec wait = {ms / 1000, (long)(ms % 1000) * 1000000};
  nanosleep(&wait, NULL);
}

static int synced(int fd, int (*sync)(int)) {
  struct stat about;
  if (!is_ours(fd, &about)) return sync(fd);
  struct timespec from, to;
  clock_gettime(CLOCK_MONOTONIC_RAW, &from);
  pthread_mutex_lock(&lock);
  uint64_t upto = sequence;
  fstat(fd, &about);
  pthread_mutex_unlock(&lock);
  count(SYNCS);
  if (control[SYNC_DELAY_MS]) {
    count(SLOWED_SYNCS);
    pause_ms(control[SYNC_DELAY_MS]);
  }
  if (control[HANG_SYNC]) {
    count(HUNG_SYNCS);
    while (control[HANG_SYNC]) pause_ms(20);
  }
  if (due(FAIL_SYNC_IN)) {
    count(FAILED_SYNCS);
    errno = EIO;
    return -1;
  }
  int result = sync(fd);
  if (result == 0) {
    struct record record = {SYNCED, 0, upto, about.st_ino, 0, 0, (uint64_t)about.st_size, 0};
    pthread_mutex_lock(&lock);
    note(&record, NULL);
    pthread_mutex_unlock(&lock);
  }
  clock_gettime(CLOCK_MONOTONIC_RAW, &to);
  __atomic_fetch_add(&control[SYNC_MICROS],
                     (uint32_t)((to.tv_sec - from.tv_sec) * 1000000 +
                                (to.tv_nsec - from.tv_nsec) / 1000),
                     __ATOMIC_SEQ_CST);
  return result;
}

int fsync(int fd) {
  REAL(fsync);
  return synced(fd, real);
}

int fdatasync(int fd) {
  REAL(fdatasync);
  return synced(fd, real);
}

/* Names are durable at once: only what is in the files is lost. An inode may come back as another file. */
static void gone(const char *path) {
  struct stat about;
  if (!is_below(path) || lstat(path, &about) != 0 || !S_ISREG(about.st_mode)) return;
  struct record record = {GONE, 0, sequence, about.st_ino, 0, 0, 0, 0};
  pthread_mutex_lock(&lock);
  note(&record, NULL);
  pthread_mutex_unlock(&lock);
}

int unlink(const char *path) {
  REAL(unlink);
  gone(path);
  return real(path);
}

int rename(const char *from, const char *to) {
  REAL(rename);
  gone(to);
  return real(from, to);
}

/* Another length is noted as a write of what is cut away; undoing it restores bytes and length. */
static int before_cut(int fd, off_t length) {
  struct stat about;
  if (!is_ours(fd, &about)) return 0;
  uint64_t tail = about.st_size > length ? (uint64_t)(about.st_size - length) : 0;
  return before_write(fd, length, tail);
}

int ftruncate(int fd, off_t length) {
  REAL(ftruncate);
  return before_cut(fd, length) ? -1 : real(fd, length);
}

int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

static const char *led_astray(const char *path) {
  return boot[0] && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0 ? boot : path;
}

/* A file that is emptied as it is opened is another file from then on. */
static void emptied(const char *path, int flags) {
  if (flags & O_TRUNC) gone(path);
}

int open(const char *path, int flags, ...) {
  mode_t mode = 0;
  if (flags & (O_CREAT | O_TMPFILE)) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
  }
  emptied(path, flags);
  return real_open(led_astray(path), flags, mode);
}

int open64(const char *path, int flags, ...) {
  mode_t mode = 0;
  if (flags & (O_CREAT | O_TMPFILE)) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
  }
  emptied(path, flags);
  return real_open(led_astray(path), flags, mode);
}

FILE *fopen64(const char *path, const char *mode) {
  REAL(fopen64);
  if (mode[0] == 'w') gone(path);
  return real(path, mode);
}
