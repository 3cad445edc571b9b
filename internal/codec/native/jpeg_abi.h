// The parts of libjpeg's ABI level 80 that codecs.c uses, in own words: libjpeg-turbo
// built with WITH_JPEG8, on a 64-bit machine. jpeg_CreateDecompress compares the level
// and the size with its own and refuses another layout.
enum { jpeg_abi_level = 80, jpeg_dct_islow = 0, jpeg_message_max = 200 };

struct jpeg_error {
  void (*error_exit)(void *);
  void (*emit_message)(void *, int level); // level < 0: a warning, the data are damaged
  void (*output_message)(void *);
  void (*format_message)(void *, char text[jpeg_message_max]);
  void (*reset)(void *);
  int code;
  char parameters[80];
  int trace_level;
  long warnings;
  char room[128]; // the tables of messages, and for what a later release adds
};

struct jpeg_decompress {
  struct jpeg_error *err;
  void *memory, *progress, *client;
  int is_decompressor, state;
  void *source;
  unsigned columns, rows;
  int components, color_space, out_color_space;
  char unused1[96 - 68];
  int dct_method;
  char unused2[136 - 100];
  unsigned output_columns, output_rows;
  char unused3[168 - 144];
  unsigned output_row;
  char unused4[296 - 172];
  int precision;
  char unused5[656 - 300];
};
_Static_assert(sizeof(struct jpeg_decompress) == 656, "libjpeg level 80 on a 64-bit machine");
_Static_assert(offsetof(struct jpeg_error, warnings) == 128, "libjpeg level 80 on a 64-bit machine");
