package model

// segNetBasic is SegNet-Basic (Badrinarayanan, Handa and Cipolla,
// arXiv:1505.07293; authors' segnet_basic_train.prototxt): four encoders and
// four decoders of one 7×7 convolution each, the same width everywhere, decoders
// without ReLU, and unpooling to where the pooling found its maxima. 25 rows are
// pooled to 13 and unpooled to 25, as in the authors' library. Left out are the
// local response normalisation of the input, which is normalised already, and
// the biases before a batch normalisation, which have no effect.
var segNetBasic = []step{
	conv("encode1", input, 1).sized(7),
	pool("pool1", "encode1"),
	conv("encode2", "pool1", 1).sized(7),
	pool("pool2", "encode2"),
	conv("encode3", "pool2", 1).sized(7),
	pool("pool3", "encode3"),
	conv("encode4", "pool3", 1).sized(7),
	pool("pool4", "encode4"),

	unpool("unpool4", "pool4", "encode4", "pool4"),
	conv("decode4", "unpool4", 1).sized(7).withoutReLU(),
	unpool("unpool3", "decode4", "encode3", "pool3"),
	conv("decode3", "unpool3", 1).sized(7).withoutReLU(),
	unpool("unpool2", "decode3", "encode2", "pool2"),
	conv("decode2", "unpool2", 1).sized(7).withoutReLU(),
	unpool("unpool1", "decode2", "encode1", "pool1"),
	conv("decode1", "unpool1", 1).sized(7).withoutReLU(),
}

// segNetSimple is the SegNet that the authors of XNet compared it with, as their
// repository has it (github.com/JosephPB/XNet, SimpleSegNet.py): encoders of 1, 2 and 4
// times the width, a bottom of two 8-fold blocks at 25×25, decoders that repeat pixels
// instead of unpooling, and 3×3 kernels throughout.
var segNetSimple = []step{
	conv("encode1", input, 1),
	pool("pool1", "encode1"),
	conv("encode2", "pool1", 2),
	pool("pool2", "encode2"),
	conv("encode3", "pool2", 4),
	pool("pool3", "encode3"),
	conv("encode4", "pool3", 8),
	conv("decode4", "encode4", 8),
	up("doubled3", "decode4", "encode3"),
	conv("decode3", "doubled3", 4),
	up("doubled2", "decode3", "encode2"),
	conv("decode2", "doubled2", 2),
	up("doubled1", "decode2", "encode1"),
	conv("decode1", "doubled1", 1),
}

// uNet is U-Net (Ronneberger, Fischer and Brox, MICCAI 2015; arXiv:1505.04597)
// with its four poolings, 2×2 convolutions after up-sampling and concatenated
// encoder maps. Two things differ: batch normalisation after every convolution
// but the last, and same padding, so that nothing is cropped but the one row and
// column that 13, pooled from 25, has too many when doubled.
var uNet = []step{
	conv("down1a", input, 1),
	conv("down1b", "down1a", 1),
	pool("pool1", "down1b"),
	conv("down2a", "pool1", 2),
	conv("down2b", "down2a", 2),
	pool("pool2", "down2b"),
	conv("down3a", "pool2", 4),
	conv("down3b", "down3a", 4),
	pool("pool3", "down3b"),
	conv("down4a", "pool3", 8),
	conv("down4b", "down4a", 8),
	pool("pool4", "down4b"),
	conv("bottoma", "pool4", 16),
	conv("bottomb", "bottoma", 16),

	up("doubled4", "bottomb", "down4b"),
	conv("up4", "doubled4", 8).sized(2),
	concat("joined4", "down4b", "up4"),
	conv("up4a", "joined4", 8),
	conv("up4b", "up4a", 8),
	up("doubled3", "up4b", "down3b"),
	conv("up3", "doubled3", 4).sized(2),
	concat("joined3", "down3b", "up3"),
	conv("up3a", "joined3", 4),
	conv("up3b", "up3a", 4),
	up("doubled2", "up3b", "down2b"),
	conv("up2", "doubled2", 2).sized(2),
	concat("joined2", "down2b", "up2"),
	conv("up2a", "joined2", 2),
	conv("up2b", "up2a", 2),
	up("doubled1", "up2b", "down1b"),
	conv("up1", "doubled1", 1).sized(2),
	concat("joined1", "down1b", "up1"),
	conv("up1a", "joined1", 1),
	conv("up1b", "up1a", 1),
}
