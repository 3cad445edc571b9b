// High-throughput JPEG 2000 (T.814) with OpenJPH, which is opened at run time. OpenJPEG
// decodes it as well, in twice the time: where OpenJPH is not there, or refuses a
// codestream, the pool turns to it.
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include "families.h"
#include "openjph_abi.h"

static struct {
  void (*construct)(struct openjph_handle *);
  void (*destruct)(struct openjph_handle *);
  void (*set_planar)(struct openjph_handle *, bool);
  void (*read_headers)(struct openjph_handle *, struct openjph_file *);
  struct openjph_handle (*size)(struct openjph_handle *);
  void (*create)(struct openjph_handle *);
  const struct openjph_line *(*pull)(struct openjph_handle *, uint32_t *);
  uint32_t (*components)(const struct openjph_handle *);
  uint32_t (*depth)(const struct openjph_handle *, uint32_t);
  bool (*is_signed)(const struct openjph_handle *, uint32_t);
  uint32_t (*columns)(const struct openjph_handle *, uint32_t);
  uint32_t (*rows)(const struct openjph_handle *, uint32_t);
  void *const *file_methods;
  void (*open)(struct openjph_file *, const uint8_t *, size_t);
  void (*on_error)(struct openjph_handler *);
  void (*on_warning)(struct openjph_handler *);
  void (*on_info)(struct openjph_handler *);
} openjph;

void **const openjph_into = (void **)&openjph;

// The names as C++ compilers write them.
const char *const openjph_names[] = {
  "_ZN4ojph10codestreamC1Ev", "_ZN4ojph10codestreamD1Ev", "_ZN4ojph10codestream10set_planarEb",
  "_ZN4ojph10codestream12read_headersEPNS_11infile_baseE", "_ZN4ojph10codestream10access_sizEv",
  "_ZN4ojph10codestream6createEv", "_ZN4ojph10codestream4pullERj", "_ZNK4ojph9param_siz18get_num_componentsEv",
  "_ZNK4ojph9param_siz13get_bit_depthEj", "_ZNK4ojph9param_siz9is_signedEj", "_ZNK4ojph9param_siz15get_recon_widthEj",
  "_ZNK4ojph9param_siz16get_recon_heightEj", "_ZTVN4ojph10mem_infileE", "_ZN4ojph10mem_infile4openEPKhm",
  "_ZN4ojph15configure_errorEPNS_13message_errorE", "_ZN4ojph17configure_warningEPNS_15message_warningE",
  "_ZN4ojph14configure_infoEPNS_12message_infoE", NULL};

// What the handlers say goes to the one decoding that this process does.
static struct {
  jmp_buf jump;
  struct result *result;
} now;

// openjph_error never returns: the library would throw a C++ exception, which C cannot
// catch. What its inner functions had not given back is lost to the process.
static void openjph_error(struct openjph_handler *h, int code, const char *file, int line, const char *format, ...) {
  (void)h, (void)code, (void)file, (void)line;
  va_list values;
  va_start(values, format);
  vsnprintf(now.result->text, sizeof now.result->text, format, values);
  va_end(values);
  longjmp(now.jump, 1);
}

// openjph_remark takes warnings and what the library calls information: that the data
// end early is one of these.
static void openjph_remark(struct openjph_handler *h, int code, const char *file, int line, const char *format, ...) {
  (void)h, (void)code, (void)file, (void)line;
  if (now.result->warnings++) return;
  va_list values;
  va_start(values, format);
  vsnprintf(now.result->text, sizeof now.result->text, format, values);
  va_end(values);
}

static void *const error_methods[] = {(void *)openjph_error}, *const remark_methods[] = {(void *)openjph_remark};
static struct openjph_handler error_handler = {error_methods}, remark_handler = {remark_methods};

// describe checks the image against what is wanted.
static bool describe(const struct openjph_handle *size, const struct want *w, size_t room, struct result *r) {
  uint32_t samples = openjph.components(size);
  if (samples < 1) { snprintf(r->text, sizeof r->text, "no components"); return false; }
  r->precision = openjph.depth(size, 0);
  r->is_signed = openjph.is_signed(size, 0);
  if (!suits(r, w, openjph.rows(size, 0), openjph.columns(size, 0), samples, room)) return false;
  for (uint32_t k = 1; k < samples; k++)
    if (openjph.depth(size, k) != r->precision || openjph.is_signed(size, k) != (bool)r->is_signed || openjph.rows(size, k) != w->rows || openjph.columns(size, k) != w->columns) {
      snprintf(r->text, sizeof r->text, "the components differ in size or precision");
      return false;
    }
  return true;
}

// tiled reports whether SIZ, which is the first marker segment (T.800 A.5.1), divides the
// image into tiles.
static bool tiled(const uint8_t *code, size_t n, const struct want *w) {
  enum { tile_width = 24, tile_height = 28, end = 32 };
  uint32_t width = 0, height = 0;
  if (n < end) return false;
  for (int i = 0; i < 4; i++) {
    width = width << 8 | code[tile_width + i];
    height = height << 8 | code[tile_height + i];
  }
  return width < w->columns || height < w->rows;
}

// let_go gives a codestream that was read back to the system, where it is memory shared with
// the node, which does not read it again.
static void let_go(const uint8_t *code, size_t n) {
#ifdef MADV_REMOVE
  const uintptr_t page = 1 << 12;
  uintptr_t from = ((uintptr_t)code + page - 1) / page * page, to = ((uintptr_t)code + n) / page * page;
  if (from < to) madvise((void *)from, to - from, MADV_REMOVE);
#endif
}

int decode_htj2k(const uint8_t *code, size_t n, uint8_t *out, size_t room, const struct want *w, struct result *r) {
  struct openjph_handle codestream = {NULL};
  struct openjph_file file = {openjph.file_methods + 2, NULL, NULL, 0}; // behind the offset to the top and the type
  volatile int status = -1;
  now.result = r;
  openjph.on_error(&error_handler);
  openjph.on_warning(&remark_handler);
  openjph.on_info(&remark_handler);
  if (setjmp(now.jump)) goto out;
  openjph.construct(&codestream);
  openjph.open(&file, code, n);
  openjph.read_headers(&codestream, &file);
  struct openjph_handle size = openjph.size(&codestream);
  if (!describe(&size, w, room, r)) goto out;
  openjph.set_planar(&codestream, false);
  if (w->samples > 1 && tiled(code, n, w)) FAIL("tiles of %u samples per pixel take too much memory", w->samples);
  openjph.create(&codestream); // has read the codestream to its end
  let_go(code, n);
  size_t row = (size_t)w->columns * w->samples * r->bytes;
  for (uint32_t y = 0; y < w->rows; y++)
    for (uint32_t i = 0; i < w->samples; i++) {
      uint32_t k = w->samples;
      const struct openjph_line *line = openjph.pull(&codestream, &k);
      if (!line || k != i || line->size < w->columns) FAIL("a line was not decoded");
      if ((line->flags & (openjph_32bit | openjph_64bit | openjph_integer)) != (openjph_32bit | openjph_integer)) FAIL("samples of another kind");
      put_samples(line->data, w->columns, out + y * row, k, r, w);
    }
  if (!r->warnings) status = 0; // else OpenJPEG, which is stricter, has the last word
out:
  openjph.destruct(&codestream);
  return status;
}
