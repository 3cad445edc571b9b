// The parts of OpenJPEG 2.x's public ABI that codecs.c uses, in own words.
typedef union {
  uint64_t align;
  char room[16384]; // opj_dparameters_t: 8 kB in release 2.5
} openjpeg_parameters;

struct openjpeg_component {
  uint32_t dx, dy, columns, rows, x0, y0, precision, bpp, is_signed, resolutions, factor;
  int32_t *data;
  uint16_t alpha;
};

struct openjpeg_image {
  uint32_t x0, y0, x1, y1, count;
  int color_space;
  struct openjpeg_component *components;
  uint8_t *icc;
  uint32_t icc_size;
};

struct openjpeg_component_info {
  uint32_t component, style, resolutions, block_width, block_height, block_style; // width and height as exponents of 2
};

struct openjpeg_info {
  uint32_t x0, y0, tile_width, tile_height, tiles_across, tiles_down, components;
  struct {
    int tile;
    uint32_t style;
    int order;
    uint32_t layers, transform;
    struct openjpeg_component_info *of; // of each component
  } tile;
};

enum { openjpeg_high_throughput = 0x40 }; // in block_style: T.814 A.4
enum { openjpeg_codestream = 0, openjpeg_jp2 = 2 };
