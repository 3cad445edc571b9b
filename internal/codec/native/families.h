// What the decoders of the families share.
#include <stdbool.h>
#include "codecs.h"

#define FAIL(...) do { snprintf(r->text, sizeof r->text, __VA_ARGS__); goto out; } while (0)

// suits refuses an image of another size than the data set's, before a buffer is made
// or a sample decoded.
bool suits(struct result *r, const struct want *w, uint32_t rows, uint32_t columns, uint32_t samples, size_t room);

// put_samples clamps the samples of one component to the precision of r, as T.800 G.1
// leaves to the decoder, and writes them to the k-th of every w->samples places of out.
void put_samples(const int32_t *data, size_t count, uint8_t *out, uint32_t k, const struct result *r, const struct want *w);

// Functions of a library, by name, and the table that they are put into.
extern const char *const openjph_names[];
extern void **const openjph_into;

int decode_htj2k(const uint8_t *code, size_t n, uint8_t *out, size_t room, const struct want *w, struct result *r);
