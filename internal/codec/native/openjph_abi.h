// The parts of OpenJPH 0.32's public C++ ABI that htj2k.c uses, in own words. OpenJPH
// has no C interface; its classes of one pointer, and the layout of virtual tables, are
// those of the Itanium C++ ABI, which compilers on Linux share.

// ojph::codestream and ojph::param_siz: a pointer to what is not public.
struct openjph_handle {
  void *state;
};

// ojph::mem_infile: codestreams in memory.
struct openjph_file {
  void *const *methods;
  const uint8_t *bytes, *at;
  size_t size;
};

// ojph::line_buf: one line of one component.
struct openjph_line {
  size_t size;
  uint32_t before, flags;
  const int32_t *data;
};

enum { openjph_32bit = 0x04, openjph_64bit = 0x08, openjph_integer = 0x10 };

// ojph::message_error and its kin: one method, called with a code, a file, its line and
// the words of printf.
struct openjph_handler {
  void *const *methods;
};
