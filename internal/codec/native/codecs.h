#include <stddef.h>
#include <stdint.h>

// The families, in the order of codec.Family.
enum { family_jpeg, family_jpegls, family_jpeg2000, family_htj2k, families };

enum { text_size = 200 };

// What the caller says the image is; a codestream that says otherwise is refused
// before it is decoded.
struct want {
  uint32_t rows, columns, samples, threads;
};

struct result {
  uint32_t precision; // of the codestream, bits
  uint32_t bytes;     // of one sample in the output: 1 or 2
  uint32_t is_signed;
  uint32_t planar;          // samples lie plane after plane
  uint32_t warnings;        // how many the library gave
  char text[text_size];     // the error, or the first warning
};

// codec_load opens a family's library and writes its release, if the library tells
// it, to version, or the reason why not to error. Both hold text_size bytes. It returns 0 when all that
// codec_decode needs is there.
int codec_load(int family, const char *path, char *version, char *error);

// codec_decode writes rows*columns*samples samples in the machine's byte order to
// out, which has room for size bytes. It returns 0 when the image is whole.
int codec_decode(int family, const uint8_t *code, size_t length, uint8_t *out,
                 size_t size, const struct want *want, struct result *result);
