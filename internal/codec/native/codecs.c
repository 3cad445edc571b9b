// Four codec libraries, opened at run time, behind codec_load and codec_decode.
//
// libjpeg-turbo 3 or later decodes JPEG (ITU-T T.81) with 8 and 12 bits and lossless
// with up to 16; CharLS 2 decodes JPEG-LS (T.87); OpenJPEG 2.5 decodes JPEG 2000
// (T.800) and high-throughput JPEG 2000 (T.814); OpenJPH 0.32 the latter alone (htj2k.c).
// This file runs in a worker process and may be killed at any instruction.
#define _GNU_SOURCE
#include <dlfcn.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "families.h"
#include "jpeg_abi.h"
#include "openjpeg_abi.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "samples are handed over in little-endian order"
#endif

bool suits(struct result *r, const struct want *w, uint32_t rows, uint32_t columns, uint32_t samples, size_t room) {
  if (rows != w->rows || columns != w->columns || samples != w->samples) {
    snprintf(r->text, sizeof r->text, "the codestream is %u rows, %u columns, %u samples", rows, columns, samples);
    return false;
  }
  if (r->precision < 1 || r->precision > 16) {
    snprintf(r->text, sizeof r->text, "precision of %u bits", r->precision);
    return false;
  }
  r->bytes = r->precision <= 8 ? 1 : 2;
  if ((uint64_t)rows * columns * samples * r->bytes > room) {
    snprintf(r->text, sizeof r->text, "no room for the samples");
    return false;
  }
  return true;
}

// ---------- JPEG: libjpeg-turbo ----------

static struct {
  struct jpeg_error *(*std_error)(struct jpeg_error *);
  void (*create)(struct jpeg_decompress *, int, size_t);
  void (*mem_src)(struct jpeg_decompress *, const unsigned char *, unsigned long);
  int (*read_header)(struct jpeg_decompress *, int);
  int (*start)(struct jpeg_decompress *);
  unsigned (*read8)(struct jpeg_decompress *, void **, unsigned);
  unsigned (*read12)(struct jpeg_decompress *, void **, unsigned);
  unsigned (*read16)(struct jpeg_decompress *, void **, unsigned);
  int (*finish)(struct jpeg_decompress *);
  void (*destroy)(struct jpeg_decompress *);
} jpeg;

static const char *const jpeg_names[] = {
  "jpeg_std_error", "jpeg_CreateDecompress", "jpeg_mem_src", "jpeg_read_header", "jpeg_start_decompress", "jpeg_read_scanlines",
  "jpeg12_read_scanlines", "jpeg16_read_scanlines", "jpeg_finish_decompress", "jpeg_destroy_decompress", NULL};

struct jpeg_errors {
  struct jpeg_error base;
  jmp_buf jump;
  struct result *result;
  bool damaged;
};

static struct jpeg_errors *jpeg_errors_of(void *c) { return (struct jpeg_errors *)((struct jpeg_decompress *)c)->err; }

static void jpeg_exit(void *c) {
  struct jpeg_errors *e = jpeg_errors_of(c);
  char text[jpeg_message_max];
  e->base.format_message(c, text);
  snprintf(e->result->text, sizeof e->result->text, "%s", text);
  longjmp(e->jump, 1);
}

static void jpeg_say_nothing(void *c) { (void)c; }

// Every warning means damaged data and fails the image, except that intact files with
// the 12-bit process of DCMTK's encoder have spectral selection parameters of their own.
static void jpeg_emit(void *c, int level) {
  if (level >= 0) return;
  struct jpeg_errors *e = jpeg_errors_of(c);
  char text[jpeg_message_max];
  e->base.format_message(c, text);
  bool harmless = !strncmp(text, "Invalid SOS parameters for sequential JPEG", 42);
  e->base.warnings++;
  if (e->result->text[0] == 0 || (!harmless && !e->damaged)) snprintf(e->result->text, sizeof e->result->text, "%s", text);
  e->damaged = e->damaged || !harmless;
}

static void jpeg_handlers(struct jpeg_decompress *c, struct jpeg_errors *e, struct result *r) {
  c->err = jpeg.std_error(&e->base);
  e->result = r;
  e->damaged = false;
  e->base.error_exit = jpeg_exit;
  e->base.output_message = jpeg_say_nothing;
  e->base.emit_message = jpeg_emit;
}

static int decode_jpeg(const uint8_t *code, size_t n, uint8_t *out, size_t room, const struct want *w, struct result *r) {
  struct jpeg_decompress c;
  struct jpeg_errors e;
  volatile int status = -1;
  memset(&c, 0, sizeof c);
  jpeg_handlers(&c, &e, r);
  if (setjmp(e.jump)) goto out;
  jpeg.create(&c, jpeg_abi_level, sizeof c);
  jpeg.mem_src(&c, code, n);
  jpeg.read_header(&c, 1);
  r->precision = c.precision;
  if (!suits(r, w, c.rows, c.columns, c.components, room)) goto out;
  c.out_color_space = c.color_space; // the data set says what the components are
  c.dct_method = jpeg_dct_islow;
  unsigned (*read)(struct jpeg_decompress *, void **, unsigned) = r->precision <= 8 ? jpeg.read8 : r->precision <= 12 ? jpeg.read12 : jpeg.read16;
  size_t row = (size_t)c.columns * c.components * r->bytes;
  jpeg.start(&c);
  if (c.output_rows != c.rows || c.output_columns != c.columns) FAIL("the output is scaled");
  while (c.output_row < c.output_rows && !e.damaged) {
    void *line = out + row * c.output_row;
    read(&c, &line, 1);
  }
  if (!e.damaged) jpeg.finish(&c);
  r->warnings = e.base.warnings;
  status = e.damaged ? -1 : 0;
out:
  jpeg.destroy(&c);
  return status;
}

// ---------- JPEG-LS: CharLS ----------

struct charls_frame {
  uint32_t columns, rows;
  int32_t bits, components;
};

static struct {
  void *(*create)(void);
  void (*destroy)(const void *);
  int (*source)(void *, const void *, size_t);
  int (*header)(void *);
  int (*frame)(const void *, struct charls_frame *);
  int (*interleave)(const void *, int *);
  int (*size)(const void *, uint32_t, size_t *);
  int (*decode)(const void *, void *, size_t, uint32_t);
  const char *(*message)(int);
  const char *(*version)(void);
} charls;

static const char *const charls_names[] = {
  "charls_jpegls_decoder_create", "charls_jpegls_decoder_destroy", "charls_jpegls_decoder_set_source_buffer", "charls_jpegls_decoder_read_header",
  "charls_jpegls_decoder_get_frame_info", "charls_jpegls_decoder_get_interleave_mode", "charls_jpegls_decoder_get_destination_size",
  "charls_jpegls_decoder_decode_to_buffer", "charls_get_error_message", "charls_get_version_string", NULL};

static int decode_jpegls(const uint8_t *code, size_t n, uint8_t *out, size_t room, const struct want *w, struct result *r) {
  int status = -1, e, interleave;
  struct charls_frame f;
  size_t size;
  void *d = charls.create();
  if (!d) FAIL("no memory");
  if ((e = charls.source(d, code, n)) || (e = charls.header(d)) || (e = charls.frame(d, &f)) || (e = charls.interleave(d, &interleave))) FAIL("%s", charls.message(e));
  r->precision = f.bits;
  if (!suits(r, w, f.rows, f.columns, f.components, room)) goto out;
  r->planar = interleave == 0 && f.components > 1; // ILV 0: T.87 C.2.3
  if ((e = charls.size(d, 0, &size))) FAIL("%s", charls.message(e));
  if (size > room) FAIL("no room for the samples");
  if ((e = charls.decode(d, out, size, 0))) FAIL("%s", charls.message(e));
  status = 0;
out:
  if (d) charls.destroy(d);
  return status;
}

// ---------- JPEG 2000 and HTJ2K: OpenJPEG ----------

static struct {
  void *(*create)(int);
  void (*destroy)(void *);
  void (*defaults)(openjpeg_parameters *);
  int (*setup)(void *, openjpeg_parameters *);
  int (*strict)(void *, int);
  int (*threads)(void *, int);
  int (*on_error)(void *, void (*)(const char *, void *), void *);
  int (*on_warning)(void *, void (*)(const char *, void *), void *);
  void *(*stream)(size_t, int);
  void (*stream_destroy)(void *);
  void (*on_read)(void *, size_t (*)(void *, size_t, void *));
  void (*on_skip)(void *, int64_t (*)(int64_t, void *));
  void (*on_seek)(void *, int (*)(int64_t, void *));
  void (*user)(void *, void *, void (*)(void *));
  void (*length)(void *, uint64_t);
  int (*header)(void *, void *, struct openjpeg_image **);
  struct openjpeg_info *(*info)(void *);
  void (*info_destroy)(struct openjpeg_info **);
  int (*area)(void *, struct openjpeg_image *, int32_t, int32_t, int32_t, int32_t);
  int (*decode)(void *, void *, struct openjpeg_image *);
  void (*image_destroy)(struct openjpeg_image *);
  const char *(*version)(void);
} openjpeg;

static const char *const openjpeg_names[] = {
  "opj_create_decompress", "opj_destroy_codec", "opj_set_default_decoder_parameters", "opj_setup_decoder", "opj_decoder_set_strict_mode",
  "opj_codec_set_threads", "opj_set_error_handler", "opj_set_warning_handler", "opj_stream_create", "opj_stream_destroy",
  "opj_stream_set_read_function", "opj_stream_set_skip_function", "opj_stream_set_seek_function", "opj_stream_set_user_data",
  "opj_stream_set_user_data_length", "opj_read_header", "opj_get_cstr_info", "opj_destroy_cstr_info", "opj_set_decode_area", "opj_decode", "opj_image_destroy", "opj_version", NULL};

// memory is a codestream that OpenJPEG reads.
struct memory {
  const uint8_t *bytes;
  size_t size, at, gone;
  bool passing; // what was read is not needed again
};

enum { readahead = 1 << 20 }; // bytes that OpenJPEG reads at a time and may read again

// let_go gives pages that were read back to the system: the library has a copy of them. This
// works for memory that is shared with the node, which does not read it again.
static void let_go(struct memory *m) {
#ifdef MADV_REMOVE
  const uintptr_t page = 1 << 12;
  if (!m->passing || m->at < m->gone + 2 * readahead) return;
  uintptr_t from = ((uintptr_t)m->bytes + m->gone + page - 1) / page * page, to = ((uintptr_t)m->bytes + m->at - readahead) / page * page;
  madvise((void *)from, to - from, MADV_REMOVE);
  m->gone = m->at - readahead;
#endif
}

static size_t memory_read(void *into, size_t n, void *user) {
  struct memory *m = user;
  if (m->at >= m->size) return (size_t)-1;
  if (n > m->size - m->at) n = m->size - m->at;
  memcpy(into, m->bytes + m->at, n);
  m->at += n;
  let_go(m);
  return n;
}

static int64_t memory_skip(int64_t n, void *user) {
  struct memory *m = user;
  if (n < 0 && (uint64_t)-n > m->at) return -1;
  if (n > 0 && (uint64_t)n > m->size - m->at) n = (int64_t)(m->size - m->at);
  m->at += n;
  return n;
}

static int memory_seek(int64_t at, void *user) {
  struct memory *m = user;
  if (at < 0 || (uint64_t)at > m->size) return 0;
  m->at = at;
  return 1;
}

struct openjpeg_messages {
  char error[text_size], warning[text_size];
  uint32_t warnings;
};

static void keep_first(char *into, const char *text) {
  if (into[0]) return;
  snprintf(into, text_size, "%s", text);
  into[strcspn(into, "\n")] = 0;
}

static void openjpeg_error(const char *text, void *user) { keep_first(((struct openjpeg_messages *)user)->error, text); }

static void openjpeg_warning(const char *text, void *user) {
  struct openjpeg_messages *m = user;
  m->warnings++;
  keep_first(m->warning, text);
}

void put_samples(const int32_t *data, size_t count, uint8_t *out, uint32_t k, const struct result *r, const struct want *w) {
  uint32_t samples = w->samples;
  int32_t lo = r->is_signed ? -(1 << (r->precision - 1)) : 0;
  int32_t hi = r->is_signed ? (1 << (r->precision - 1)) - 1 : (1 << r->precision) - 1;
#define PUT(type, step) do { \
    type *o = (type *)out + k; \
    for (size_t i = 0; i < count; i++) { \
      int32_t v = data[i]; \
      o[i * (step)] = (type)(v < lo ? lo : v > hi ? hi : v); \
    } } while (0)
  if (r->bytes == 1 && samples == 1) PUT(uint8_t, 1);
  else if (r->bytes == 1) PUT(uint8_t, samples);
  else if (samples == 1) PUT(uint16_t, 1);
  else PUT(uint16_t, samples);
#undef PUT
}

// populate takes pages that are about to be written to, many at once where the system can
// (Linux 5.14).
static void populate(uint8_t *from, size_t n) {
#ifdef MADV_POPULATE_WRITE
  const uintptr_t page = 1 << 12;
  uintptr_t begin = (uintptr_t)from / page * page;
  madvise((void *)begin, (uintptr_t)from + n - begin, MADV_POPULATE_WRITE);
#endif
}

// hand_over puts the samples of a component and gives the memory that they were in back to
// the system as it goes: they are never there twice. OpenJPEG only frees it afterwards.
static void hand_over(const struct openjpeg_component *c, uint8_t *out, uint32_t k, const struct result *r, const struct want *w) {
  enum { strip = 1 << 19, page = 1 << 21 }; // samples, and bytes of a huge page
  size_t count = (size_t)c->columns * c->rows;
  uintptr_t from = ((uintptr_t)c->data + page - 1) / page * page;
  for (size_t at = 0; at < count; at += strip) {
    size_t n = count - at < strip ? count - at : strip;
    uint8_t *into = out + at * w->samples * r->bytes;
    populate(into, n * w->samples * r->bytes);
    put_samples(c->data + at, n, into, k, r, w);
    uintptr_t to = (uintptr_t)(c->data + at + n) / page * page; // the rest goes when it is freed
    if (to <= from) continue;
    madvise((void *)from, to - from, MADV_DONTNEED);
    from = to;
  }
}

// jpeg2000 is one decoding by OpenJPEG.
struct jpeg2000 {
  void *codec, *stream;
  struct openjpeg_image *image;
  struct memory memory;
  struct openjpeg_messages said;
};

// open2000 reads the main header. The caller closes what it leaves, also after an error.
static int open2000(struct jpeg2000 *j, const uint8_t *code, size_t n, const struct want *w, struct result *r) {
  int status = -1;
  openjpeg_parameters parameters;
  memset(j, 0, sizeof *j);
  j->memory.bytes = code;
  j->memory.size = n;
  bool boxed = n > 12 && !memcmp(code, "\0\0\0\14jP  ", 8); // a JP2 file (T.800 annex I), which PS3.5 A.4.4 forbids and some write
  if (!(j->codec = openjpeg.create(boxed ? openjpeg_jp2 : openjpeg_codestream))) FAIL("no memory");
  openjpeg.on_error(j->codec, openjpeg_error, &j->said);
  openjpeg.on_warning(j->codec, openjpeg_warning, &j->said);
  openjpeg.defaults(&parameters);
  if (!openjpeg.setup(j->codec, &parameters)) FAIL("the decoder refused its parameters");
  if (!openjpeg.strict(j->codec, 1)) FAIL("no strict mode"); // else half an image is a success
  if (w->threads > 1) openjpeg.threads(j->codec, (int)w->threads);
  if (!(j->stream = openjpeg.stream(n < readahead ? n : readahead, 1))) FAIL("no memory");
  openjpeg.on_read(j->stream, memory_read);
  openjpeg.on_skip(j->stream, memory_skip);
  openjpeg.on_seek(j->stream, memory_seek);
  openjpeg.user(j->stream, &j->memory, NULL);
  openjpeg.length(j->stream, n);
  if (!openjpeg.header(j->stream, j->codec, &j->image)) FAIL("%s", j->said.error[0] ? j->said.error : "no image header");
  status = 0;
out:
  return status;
}

// close2000 frees all but the image.
static void close2000(struct jpeg2000 *j) {
  if (j->stream) openjpeg.stream_destroy(j->stream);
  if (j->codec) openjpeg.destroy(j->codec);
  j->stream = j->codec = NULL;
}

static bool same_component(const struct openjpeg_component *c, const struct openjpeg_component *first) {
  return c->columns == first->columns && c->rows == first->rows && c->precision == first->precision && c->is_signed == first->is_signed;
}

// describe2000 checks the image against what is wanted.
static int describe2000(const struct openjpeg_image *image, size_t room, const struct want *w, struct result *r) {
  int status = -1;
  if (image->count < 1) FAIL("no components");
  const struct openjpeg_component *first = &image->components[0];
  r->precision = first->precision;
  r->is_signed = first->is_signed;
  if (!suits(r, w, image->y1 - image->y0, image->x1 - image->x0, image->count, room)) goto out;
  for (uint32_t k = 0; k < image->count; k++)
    if (!same_component(&image->components[k], first) || first->columns != w->columns || first->rows != w->rows) FAIL("the components differ in size or precision");
  status = 0;
out:
  return status;
}

// frugal2000 refuses code-blocks so small that OpenJPEG's notes on them take more memory
// than their samples, and windows of high-throughput JPEG 2000, which release 2.5.4 decodes
// to wrong samples without saying so. It lets a codestream that is read once go as it is read;
// of several tiles OpenJPEG may look for further tile-parts of the first, and return.
static int frugal2000(struct jpeg2000 *j, bool once, const struct want *w, struct result *r) {
  enum { notes = 560 }; // bytes for a code-block
  int status = -1;
  struct openjpeg_info *info = openjpeg.info(j->codec);
  if (!info || !info->tile.of) FAIL("no memory");
  if (!once && (info->tile.of->block_style & openjpeg_high_throughput)) FAIL("HTJ2K of %u samples per pixel, which OpenJPH alone decodes", w->samples);
  uint32_t width = 1u << (info->tile.of->block_width & 15), height = 1u << (info->tile.of->block_height & 15);
  uint64_t columns = info->tile_width < w->columns ? info->tile_width : w->columns, rows = info->tile_height < w->rows ? info->tile_height : w->rows;
  if (columns * rows * w->samples / (width * height) * notes > (uint64_t)w->rows * w->columns * 3) FAIL("code-blocks of %ux%u samples take too much memory", width, height);
  j->memory.passing = once && info->tiles_across == 1 && info->tiles_down == 1;
  status = 0;
out:
  if (info) openjpeg.info_destroy(&info);
  return status;
}

// window is a part of an image.
struct window {
  uint32_t x, y, columns, rows;
};

// put_window puts the samples of a component of a window.
static void put_window(const struct openjpeg_component *c, uint8_t *out, uint32_t k, const struct window *v, const struct result *r, const struct want *w) {
  for (uint32_t y = 0; y < v->rows; y++)
    put_samples(c->data + (size_t)y * v->columns, v->columns, out + ((size_t)(v->y + y) * w->columns + v->x) * w->samples * r->bytes, k, r, w);
}

// window2000 decodes a window into its place of out.
static int window2000(const uint8_t *code, size_t n, uint8_t *out, size_t room, const struct window *v, const struct want *w, struct result *r) {
  int status = -1;
  struct jpeg2000 j;
  bool all = v->columns == w->columns && v->rows == w->rows;
  if (open2000(&j, code, n, w, r) || describe2000(j.image, room, w, r) || frugal2000(&j, all, w, r)) goto out;
  int32_t x = (int32_t)(j.image->x0 + v->x), y = (int32_t)(j.image->y0 + v->y);
  if (!all && !openjpeg.area(j.codec, j.image, x, y, x + (int32_t)v->columns, y + (int32_t)v->rows)) FAIL("%s", j.said.error[0] ? j.said.error : "no such part");
  if (!openjpeg.decode(j.codec, j.stream, j.image)) FAIL("%s", j.said.error[0] ? j.said.error : "damaged data");
  close2000(&j);
#ifdef __GLIBC__
  malloc_trim(0); // what the library worked with, before its samples are handed over
#endif
  const struct openjpeg_component *first = &j.image->components[0];
  if (j.image->count != w->samples || first->columns != v->columns || first->rows != v->rows) FAIL("a part was not decoded");
  for (uint32_t k = 0; k < j.image->count; k++) {
    const struct openjpeg_component *c = &j.image->components[k];
    if (!c->data || !same_component(c, first)) FAIL("a component was not decoded");
    if (all) hand_over(c, out, k, r, w);
    else put_window(c, out, k, v, r, w);
  }
  r->warnings = j.said.warnings;
  memcpy(r->text, j.said.warning, text_size);
  status = 0;
out:
  close2000(&j);
  if (j.image) openjpeg.image_destroy(j.image);
  return status;
}

// OpenJPEG works with 4 bytes for each sample. An image with one sample per pixel is decoded
// at once, one with more in 64 windows, for each of which the library reads the
// codestream anew.
static int decode_jpeg2000(const uint8_t *code, size_t n, uint8_t *out, size_t room, const struct want *w, struct result *r) {
  uint32_t parts = w->samples == 1 ? 1 : 8;
  uint32_t columns = (w->columns + parts - 1) / parts, rows = (w->rows + parts - 1) / parts;
  for (uint32_t y = 0; y < w->rows; y += rows)
    for (uint32_t x = 0; x < w->columns; x += columns) {
      struct window v = {x, y, w->columns - x < columns ? w->columns - x : columns, w->rows - y < rows ? w->rows - y : rows};
      if (window2000(code, n, out, room, &v, w, r)) return -1;
    }
  return 0;
}

// ---------- the families ----------

static void **const jpeg_into = (void **)&jpeg, **const charls_into = (void **)&charls, **const openjpeg_into = (void **)&openjpeg;

static const struct {
  const char *const *names;
  void **const *into;
  int (*decode)(const uint8_t *, size_t, uint8_t *, size_t, const struct want *, struct result *);
} table[families] = {
  {jpeg_names, &jpeg_into, decode_jpeg},
  {charls_names, &charls_into, decode_jpegls},
  {openjpeg_names, &openjpeg_into, decode_jpeg2000},
  {openjph_names, &openjph_into, decode_htj2k},
};

static bool loaded[families];

int codec_load(int family, const char *path, char *version, char *error) {
  version[0] = error[0] = 0;
  if (family < 0 || family >= families) { snprintf(error, text_size, "no such family"); return -1; }
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) { snprintf(error, text_size, "%s", dlerror()); return -1; }
  // The table is filled only when every function is there.
  for (size_t i = 0; table[family].names[i]; i++)
    if (!dlsym(library, table[family].names[i])) { snprintf(error, text_size, "the library lacks %s", table[family].names[i]); return -1; }
  for (size_t i = 0; table[family].names[i]; i++) (*table[family].into)[i] = dlsym(library, table[family].names[i]);
  if (family == family_jpegls) snprintf(version, text_size, "%s", charls.version());
  if (family == family_jpeg2000) snprintf(version, text_size, "%s", openjpeg.version());
  loaded[family] = true;
  return 0;
}

int codec_decode(int family, const uint8_t *code, size_t length, uint8_t *out, size_t size, const struct want *want, struct result *result) {
  memset(result, 0, sizeof *result);
  if (family < 0 || family >= families || !loaded[family]) {
    snprintf(result->text, sizeof result->text, "the library is not loaded");
    return -1;
  }
  return table[family].decode(code, length, out, size, want, result);
}
